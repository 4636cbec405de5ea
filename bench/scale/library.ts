import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { MOST_ENTRIES } from '../support/peer.ts';
import { LIFETIMES, noL1 } from '../support/tiercel.ts';

/** Opens a cache in this process: with an L1 that holds everything, or with none. */
export async function openLibrary(
  owner: AsyncDisposableStack,
  url: string,
  l1: 'l1' | 'no l1' = 'l1',
): Promise<TieredCache> {
  const remote = redis(url, { namespace: `bench-${crypto.randomUUID()}` });
  const tier = l1 === 'l1' ? lru({ maxEntries: MOST_ENTRIES, maxBytes: 2 ** 30 }) : noL1();
  // The benchmark measures the cost of a tier, not the moment at which it is given up.
  const cache = owner.use(createCache({ l1: tier, ...remote, defaults: { ...LIFETIMES, l2Timeout: '5s' } }));
  await cache.ready();
  return cache;
}

/** The warm-up before the measurement, as a share of it. */
const WARM_UP = 0.3;

/** Measures calls of a read a second, this many at once, for at least this long. */
export async function readsPerSecond(
  read: (turn: number) => Promise<unknown>,
  atOnce: number,
  ms: number,
): Promise<number> {
  let turn = 0;
  // The engine compiles functions that are called often, so the first calls do not count.
  for (const until = performance.now() + ms * WARM_UP; performance.now() < until; ) await together();
  const first = turn;
  const began = performance.now();
  const until = began + ms;
  let now = began;
  while (now < until) {
    await together();
    now = performance.now();
  }
  return (1_000 * (turn - first)) / (now - began);

  async function together(): Promise<void> {
    await Promise.all(Array.from({ length: atOnce }, () => read(turn++)));
  }
}
