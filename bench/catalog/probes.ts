import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { ask } from '../../tests/acceptance/asking.ts';
import { bomPath, platePath, productPath } from '../../tests/integration/support/catalog-requests.ts';
import { uniqueNamespace } from '../../tests/support/redis-server.ts';
import type { Pair } from './fleet.ts';

/** The durations of single operations of the cache while the crowd is at work. Milliseconds. */
export interface Probes {
  /** The figures that the services report. */
  readonly l1Reads: readonly number[];
  readonly l2Reads: readonly number[];
  /** The time from the call to the acknowledgement of both tiers. */
  readonly writes: readonly number[];
  /** Misses over HTTP of rows that an operator has just removed. The crowd itself hardly ever misses BOMs. */
  readonly productMisses: readonly number[];
  readonly bomMisses: readonly number[];
}

/** The probes begin with the least popular rows, which are in no tier. */
const PLATES = 2_000;
const PRODUCTS = 1_000;
const BOMS = 500;
const EVERY_MS = 25;

/** Measures for this many milliseconds. */
export async function probe(pair: Pair, redisUrl: string, ms: number): Promise<Probes> {
  const [one, other] = pair;
  await using cache = createCache({ l1: lru(), ...redis(redisUrl, { namespace: uniqueNamespace('probe') }) });
  await cache.ready();
  const found: Record<Exclude<keyof Probes, 'l1Reads'>, number[]> = {
    l2Reads: [],
    writes: [],
    productMisses: [],
    bomMisses: [],
  };
  const until = performance.now() + ms;
  for (let turn = 0; turn < PLATES && performance.now() < until; turn += 1) {
    // The load of one instance is an L2 hit of the other.
    await ask(other, platePath(PLATES - turn));
    const { provenance, tierMs } = await ask(one, platePath(PLATES - turn));
    if (provenance.tier === 'l2') found.l2Reads.push(tierMs.l2 ?? Number.NaN);
    const began = performance.now();
    await cache.set(`probe:${turn}`, { turn, name: 'What is written' }, { tags: ['probes'] });
    found.writes.push(performance.now() - began);
    const [product, bom] = [PRODUCTS - (turn % PRODUCTS), BOMS - (turn % BOMS)];
    const keys = [`product:${Math.ceil(product / 100)}:${product}`, `bom:${Math.ceil(bom / 50)}:${bom}`];
    await ask(one, '/api/v1/cache/invalidate', { method: 'POST', body: { keys } });
    found.productMisses.push(...(await missMs(one, productPath(product))));
    found.bomMisses.push(...(await missMs(one, bomPath(bom))));
    await Bun.sleep(EVERY_MS);
  }
  return { l1Reads: await Promise.all(pair.map(l1ReadMs)), ...found };
}

/** Returns nothing if the crowd has asked for the row before. */
async function missMs(service: Pair[number], path: string): Promise<number[]> {
  const { provenance, ms } = await ask(service, path);
  return provenance.tier === 'source' ? [ms] : [];
}

async function l1ReadMs(service: Pair[number]): Promise<number> {
  const { targets } = (await ask(service, '/api/v1/cache')).json<{ targets: { l1ReadMs: { actual: number } } }>();
  return targets.l1ReadMs.actual;
}
