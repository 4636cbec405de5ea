/**
 * Measures the cost of `integrityKey` for an L2 hit: the same cache with a key and without one, in turns of one run,
 * one read after the other and a hundred at once. A third cache without a key shows the difference between two equal
 * caches. `bun bench/integrity.ts`
 */
import { randomBytes } from 'node:crypto';
import { redis } from '../src/adapters/redis/index.ts';
import { createCache, type TieredCache } from '../src/index.ts';
import { startRedis } from '../tests/support/redis-server.ts';
import { noL1 } from './support/tiercel.ts';

const KEYS = Array.from({ length: 100 }, (_, index) => `product:${index}`);
const ROUNDS = 41;
/** Reads of each cache in a round. */
const READS = 300;

const SIZES = { '97 B': 97, '1 kB': 1_000, '4 kB': 4_000 } as const;

await using server = await startRedis();
const integrityKey = `k1:${randomBytes(32).toString('base64')}`;

const load = (): never => {
  throw new Error('Everything should be in Redis');
};

const WAYS = {
  async 'one after the other'(cache: TieredCache): Promise<void> {
    for (let done = 0; done < READS; done += 1) await cache.getOrSet(KEYS[done % KEYS.length] ?? '', load);
  },

  async '100 at once'(cache: TieredCache): Promise<void> {
    for (let done = 0; done < READS; done += KEYS.length)
      await Promise.all(KEYS.map((key) => cache.getOrSet(key, load)));
  },
};

async function open(name: string, value: string, signing: { readonly integrityKey?: string }): Promise<TieredCache> {
  const cache = createCache({ name, l1: noL1(), ...redis(server.url, signing), defaults: { l2Timeout: '5s' } });
  if (!(await cache.ready(5_000))) throw new Error('Redis does not answer');
  await cache.setMany(new Map(KEYS.map((key) => [key, value] as const)));
  return cache;
}

const median = (given: readonly number[]): number => given.toSorted((a, b) => a - b)[given.length >> 1] ?? Number.NaN;

for (const [size, bytes] of Object.entries(SIZES)) {
  const value = 'x'.repeat(bytes);
  const caches = {
    plain: await open(`plain-${bytes}`, value, {}),
    equal: await open(`equal-${bytes}`, value, {}),
    signed: await open(`signed-${bytes}`, value, { integrityKey }),
  };
  for (const [way, read] of Object.entries(WAYS)) {
    const times = { plain: [] as number[], equal: [] as number[], signed: [] as number[] };
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const name of ['plain', 'equal', 'signed'] as const) {
        const began = performance.now();
        await read(caches[name]);
        // The first round warms up.
        if (round > 0) times[name].push(((performance.now() - began) * 1_000) / READS);
      }
    }
    const ratio = (name: 'equal' | 'signed') =>
      median(times[name].map((time, round) => time / (times.plain[round] ?? Number.NaN))).toFixed(2);
    const us = (name: keyof typeof times) => median(times[name]).toFixed(1);
    console.log(
      `${size}, ${way}: ${us('plain')} µs without a key, ${us('signed')} µs with one: ${ratio('signed')} × (two without: ${ratio('equal')} ×)`,
    );
  }
  await Promise.all(Object.values(caches).map((cache) => cache.close()));
}
