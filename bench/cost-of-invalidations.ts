/**
 * Measures how long an invalidation of tags blocks the event loop while loads are under way: the call itself, and a
 * message from another instance. `bun bench/cost-of-invalidations.ts`
 */
import { lru } from '../src/adapters/lru/index.ts';
import { MemoryServer } from '../src/adapters/memory/index.ts';
import { createCache, type TieredCache } from '../src/index.ts';
import { median } from '../tests/integration/support/measure.ts';

const LOADS = [0, 1_000, 10_000] as const;
const TAGS = [1, 100, 1_000] as const;
const ROUNDS = 9;

/** Opens a fleet of two instances, one of which has this many loads under way. */
async function measure(loads: number, tags: number): Promise<{ readonly own: number; readonly message: number }> {
  const server = new MemoryServer();
  const open = async (): Promise<TieredCache> => {
    const cache = createCache({
      l1: lru(),
      l2: server.remoteTier(),
      bus: server.bus(),
      defaults: { hardTimeout: Infinity },
    });
    await cache.ready();
    return cache;
  };
  const [here, elsewhere] = [await open(), await open()];
  const held = Promise.withResolvers<string>();
  const reading = Array.from({ length: loads }, (_, index) =>
    here.getOrSet(`key:${index}`, () => held.promise, { tags: ['all', `tag:${index}`] }),
  );
  // Every load has begun after this loop.
  while (here.stats().loads < loads) await Bun.sleep(1);

  let heardAt = 0;
  here.attach({
    observer: (event) => {
      if (event.type === 'invalidated') heardAt = performance.now();
    },
  });
  const own: number[] = [];
  const message: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // No load carries these names yet, but any of the loaders may still name them.
    const named = Array.from({ length: tags }, (_, index) => `late:${round}:${index}`);
    await Bun.sleep(1);
    own.push(await heldUp(() => here.invalidate({ tags: named })));
    await Bun.sleep(1);
    const before = heardAt;
    message.push(await heldUp(() => elsewhere.invalidate({ tags: named })));
    while (heardAt === before) await Bun.sleep(1);
  }
  held.resolve('value');
  await Promise.all(reading);
  await here.close();
  await elsewhere.close();
  return { own: median(own), message: median(message) };
}

/** Returns the longest time without a turn for other work, until the work was done. Milliseconds. */
async function heldUp(work: () => Promise<unknown>): Promise<number> {
  let worst = 0;
  let isOver = false;
  let last = performance.now();
  const watching = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = performance.now();
      worst = Math.max(worst, now - last);
      last = now;
    }
  })();
  await work();
  isOver = true;
  await watching;
  return worst;
}

console.log('loads under way | tags named | held up by the own call, ms | with the message, ms');
for (const loads of LOADS)
  for (const tags of TAGS) {
    const { own, message } = await measure(loads, tags);
    console.log(
      `${String(loads).padStart(15)} | ${String(tags).padStart(10)} | ${own.toFixed(2)} | ${message.toFixed(2)}`,
    );
  }
