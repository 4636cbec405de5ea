import type { SeededRandom } from '../../src/testing/seeded-random.ts';
import { bomPath, platePath, productPath } from '../integration/support/catalog-requests.ts';

/** One request of the crowd. */
export interface CatalogRequest {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly body?: string;
}

/** Every twentieth request is a change. */
const WRITES = 0.05;
/** Zipf's: the n-th on a list is asked for as often as 1/n to the power of this. */
const EXPONENT = 0.8;

/** What the catalog's users do: they look at products and lists, mostly the same ones, and now and then stock moves. */
export function nextRequest(random: SeededRandom): CatalogRequest {
  return random.chance(WRITES) ? nextWrite(random) : { method: 'GET', path: nextPath(random) };
}

function nextPath(random: SeededRandom): string {
  const kind = random.next();
  if (kind < 0.25) return `/api/v1/orgs/${rank(random, 10)}/products`;
  if (kind < 0.7) return productPath(rank(random, 1_000));
  if (kind < 0.92) return bomPath(rank(random, 500));
  if (kind < 0.95) return `/api/v1/orgs/${rank(random, 10)}/dashboard`;
  return platePath(rank(random, 2_000));
}

/** Four of five are stock that moves; the fifth is a new price. */
function nextWrite(random: SeededRandom): CatalogRequest {
  const amount = Math.round(random.between(1, 1_000));
  return random.chance(0.8)
    ? { method: 'PATCH', path: platePath(rank(random, 2_000)), body: JSON.stringify({ quantity: amount }) }
    : { method: 'PATCH', path: productPath(rank(random, 1_000)), body: JSON.stringify({ price: amount }) };
}

/** From 1 to `most`, the smaller the likelier. */
function rank(random: SeededRandom, most: number): number {
  const share = random.next() * (most ** (1 - EXPONENT) - 1) + 1;
  return Math.min(most, Math.floor(share ** (1 / (1 - EXPONENT))));
}
