import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { startRedis } from '../support/redis-server.ts';
import { isInUse } from './library-pair.ts';

const USAGE = `Usage: bun tests/soak/evicted-tags.ts [options]

Has two instances, and then a third one, read 40 hot keys from a Redis of its own that is full and drops what is used least
lately (allkeys-lru). Prints how often the keys were loaded: by two instances, right after the third has started, and later.

  --seconds <number>  how long each of the three stages lasts (10)
  --help              this text`;

const KEYS = Array.from({ length: 40 }, (_, index) => `hot:${index}`);
/** Between two readings of all keys by all instances, and how long L1 answers without a look at L2. */
const READ_EVERY_MS = 100;
const L1_TTL_MS = 500;
/** Cold records that another program writes: the whole memory is used anew in some three seconds. */
const COLD_BYTES = 4_096;
const COLD_PER_ROUND = 50;

/** Loads of hot keys in the stages of one run. */
export interface EvictionLoads {
  /** While two instances read and the server drops what is used least lately. */
  readonly two: number;
  /** From the start of a third instance on. */
  readonly third: number;
  /** Once it has been there for a while. */
  readonly later: number;
  /** Records that the server has dropped. */
  readonly evicted: number;
  readonly keys: number;
}

/**
 * Two instances read hot keys from a Redis at `maxmemory` with `allkeys-lru`, which drops the records of tags first, for
 * instances remember those. Then a third instance starts.
 * @param stageMs How long each stage lasts.
 */
export async function runEviction(stageMs: number): Promise<EvictionLoads> {
  await using owned = new AsyncDisposableStack();
  const config = { maxmemory: '8mb', 'maxmemory-policy': 'allkeys-lru', 'maxmemory-samples': '10' };
  const server = owned.use(await startRedis({ config }));
  const client = owned.adopt(new Redis(server.url), (each) => void each.disconnect());
  const caches: TieredCache[] = [];
  const start = async (): Promise<void> => {
    const tiers = { l1: lru(), ...redis(server.url, { namespace: 'evicted', onWarning: () => {} }) };
    const cache = owned.use(createCache({ ...tiers, defaults: { ttl: '1h', l1Ttl: L1_TTL_MS, l2Timeout: '2s' } }));
    await until(() => isInUse(cache), { what: 'the first proof' });
    caches.push(cache);
  };
  let loads = 0;
  let cold = 0;
  const round = async (): Promise<void> => {
    const filling = client.pipeline();
    for (let each = 0; each < COLD_PER_ROUND; each += 1) filling.set(`cold:${cold++}`, 'x'.repeat(COLD_BYTES));
    const reading = caches.flatMap((cache) =>
      KEYS.map((key) => cache.getOrSet(key, () => (loads += 1), { tags: ['shared', `tag of ${key}`] })),
    );
    // Somebody invalidates something all the while: a generation that is made anew is another one than before.
    const invalidating = caches[0]?.delete('unrelated');
    await Promise.all([
      filling.exec(),
      ...reading,
      invalidating,
      new Promise((resolve) => setTimeout(resolve, READ_EVERY_MS)),
    ]);
  };
  const stage = async (): Promise<number> => {
    const before = loads;
    for (const end = performance.now() + stageMs; performance.now() < end; ) await round();
    return loads - before;
  };
  await start();
  await start();
  await round();
  const two = await stage();
  await start();
  const third = await stage();
  const later = await stage();
  const evicted = Number(/evicted_keys:(\d+)/.exec(await client.info('stats'))?.[1]);
  return { two, third, later, evicted, keys: KEYS.length };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) console.log(USAGE);
  else console.log(JSON.stringify(await runEviction(Number(values.seconds ?? 10) * 1_000)));
}
