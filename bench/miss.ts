/**
 * Measures a key that no tier holds: both tiers are asked, a loader answers at once, and the value is stored. It runs
 * one call after the other, and a hundred at once. The floor is GET and SET by hand. `bun run bench miss`
 */
import { Redis } from 'ioredis';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { best, compare, TURN_MS } from './support/compare.ts';
import { freshLoop, ratesOf } from './support/loops.ts';
import { openAll } from './support/opened.ts';
import { fullestTiers, TTL_MS } from './support/peer.ts';
import { peers } from './support/peers.ts';
import { progress, type Row } from './support/report.ts';
import { tiercel } from './support/tiercel.ts';
import { small } from './support/values.ts';

const BY_HAND = 'ioredis GET and SET, auto-pipelined';

/** Reads and writes by hand. */
function byHand(client: Redis): (key: string) => Promise<unknown> {
  return async (key) => {
    const text = await client.get(key);
    if (text !== null) return JSON.parse(text);
    const value = await load();
    await client.set(key, JSON.stringify(value), 'PX', TTL_MS);
    return value;
  };
}

async function load(): Promise<unknown> {
  return small;
}

async function measure(owner: AsyncDisposableStack): Promise<Measured> {
  const { url } = owner.use(await startRedis());
  const caches = await openAll(owner, [tiercel, ...(await peers()).filter(({ tiers }) => tiers.includes('l2'))], {
    tiers: fullestTiers,
    url,
    load,
  });
  const client = new Redis(url, { enableAutoPipelining: true });
  owner.defer(() => client.disconnect());
  let last = 0;
  const nextKey = (): string => {
    last += 1;
    return `product:${last}`;
  };
  const rows: Row[] = [];
  for (const atOnce of [1, 100]) {
    const circumstances = atOnce === 1 ? 'one after the other' : `${atOnce} at once`;
    progress(`miss: ${circumstances}`);
    const subjects = [{ name: BY_HAND, read: byHand(client) }, ...caches].map(({ name, read }) => ({
      name,
      turn: ratesOf(freshLoop(read, nextKey, atOnce), TURN_MS, atOnce),
    }));
    const { figures, rows: measured } = await compare(subjects, { circumstances, unit: 'k/s', to: BY_HAND });
    const others = caches.map(({ name }) => name).filter((name) => name !== 'tiercel');
    const fastest = best(others, figures, 'more');
    const { median: ratio, spread } = figures.ratio('tiercel', fastest);
    const mine = { subject: 'tiercel', case: circumstances, figure: figures.of('tiercel'), unit: 'k/s' };
    rows.push(...measured, { ...mine, ratio, spread, to: fastest });
  }
  return { rows };
}

await benchmark('miss', measure);
