import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { MOST_ENTRIES } from '../support/peer.ts';
import { LIFETIMES, noL1 } from '../support/tiercel.ts';

/** How a cache of this process is opened: with an L1 that holds everything, or with none. */
export async function openLibrary(
  owner: AsyncDisposableStack,
  url: string,
  l1: 'l1' | 'no l1' = 'l1',
): Promise<TieredCache> {
  const remote = redis(url, { namespace: `bench-${crypto.randomUUID()}` });
  const tier = l1 === 'l1' ? lru({ maxEntries: MOST_ENTRIES, maxBytes: 2 ** 30 }) : noL1();
  // What is measured is what a tier costs, not when it is given up.
  const cache = owner.use(createCache({ l1: tier, ...remote, defaults: { ...LIFETIMES, l2Timeout: '5s' } }));
  await cache.ready();
  return cache;
}

/** Before what counts, as a part of it. */
const WARM_UP = 0.3;

/** Calls a second of a read, so many at once, for at least so long. */
export async function readsPerSecond(
  read: (turn: number) => Promise<unknown>,
  atOnce: number,
  ms: number,
): Promise<number> {
  let turn = 0;
  // The engine compiles what is called often, and those first calls are no measure.
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
