import { until } from '../../src/testing/until.ts';
import { readProduct, renameProduct } from '../integration/support/catalog-requests.ts';
import { type Death, KILL_POINTS, type KillPoint, startVictim, type Victim } from './kill-points.ts';
import type { RelayFleet, RelayMember } from './relay-fleet.ts';

/** For changes of which their writer tells nobody, beside D. */
const UNTOLD_MS = 1_000;
/** Reads go on for so long beyond the bound. */
const BEYOND_MS = 300;
const READ_EVERY_MS = 10;

/** What came of one kill. */
export interface KillResult {
  readonly point: KillPoint;
  /** Reads by those who live on, from the kill until everybody must know. */
  readonly reads: number;
  /** Reads of the old value that began later than is allowed. */
  readonly tooOld: number;
  /** From the commit to the beginning of the first read of the new value, for the slowest of the others, in milliseconds. */
  readonly knownAfterMs: number;
}

/** Starts processes and kills them, at each point in turn; so many side by side, each lane over a product of its own. */
export async function killMany(fleet: RelayFleet, kills: number, lanes: number): Promise<KillResult[]> {
  const results: KillResult[] = [];
  let begun = 0;
  const lane = async (product: number): Promise<void> => {
    while (begun < kills) {
      const point = KILL_POINTS[begun % KILL_POINTS.length] ?? 'committed';
      begun += 1;
      const victim = await startVictim(fleet, `victim ${begun}`);
      results.push(await killVictim(fleet, fleet.members, victim, product, point, 'process'));
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(1 + index)));
  return results;
}

/** Kills a process at a point, while it changes this product, which the others had in L1. */
export async function killVictim(
  fleet: RelayFleet,
  others: readonly RelayMember[],
  victim: Victim,
  product: number,
  point: KillPoint,
  death: Death,
): Promise<KillResult> {
  for (const { service } of others) {
    const isWarm = async () => (await tierOf(service, product)) === 'l1';
    await until(isWarm, { what: `product ${product} to be in everybody's L1` });
  }
  const name = `Written to die ${crypto.randomUUID()}`;
  const dead = victim.die(point, death);
  // Answered or not: that is not the question.
  const answered = renameProduct(victim.member.service, product, name).catch(() => undefined);
  const committedAt = await dead;
  await answered;
  const results = await Promise.all(others.map((other) => watch(other, product, name, committedAt, fleet.maxLagMs)));
  await until(() => isMarked(fleet, product), { what: 'every row about it to be marked' });
  return {
    point,
    reads: results.reduce((sum, { reads }) => sum + reads, 0),
    tooOld: results.reduce((sum, { tooOld }) => sum + tooOld, 0),
    knownAfterMs: Math.max(...results.map(({ knownAfterMs }) => knownAfterMs)),
  };
}

/** Reads until everybody must know, and a little longer. */
async function watch(
  { service }: RelayMember,
  product: number,
  name: string,
  committedAt: number,
  maxLagMs: number,
): Promise<Omit<KillResult, 'point'>> {
  const bound = committedAt + UNTOLD_MS + maxLagMs;
  let reads = 0;
  let tooOld = 0;
  let knownAfterMs = Infinity;
  const read = async (): Promise<boolean> => {
    const start = performance.now();
    const isNew = (await readProduct(service, product)).name === name;
    reads += 1;
    if (isNew) knownAfterMs = Math.min(knownAfterMs, start - committedAt);
    else if (start > bound) tooOld += 1;
    return start > bound + BEYOND_MS;
  };
  await until(read, { what: 'the bound to be over', within: 30_000, every: READ_EVERY_MS });
  return { reads, tooOld, knownAfterMs };
}

async function tierOf(service: RelayMember['service'], product: number): Promise<string | null> {
  const answer = await service.fetch(`/api/v1/orgs/${Math.ceil(product / 100)}/products/${product}`);
  await answer.arrayBuffer();
  return answer.headers.get('x-cache-tier');
}

async function isMarked({ psql }: RelayFleet, product: number): Promise<boolean> {
  const rows = await psql`
    select from tiercel_outbox where ${`product:${Math.ceil(product / 100)}:${product}`} = any (keys) and delivered_at is null`;
  return rows.length === 0;
}
