import { createCache, isCacheError } from 'tiercel';
import { lru } from 'tiercel/lru';

/** A program that waits for nothing but its loads: it lives until its callers are answered, and ends then by itself. */
const cache = createCache({ l1: lru() });
try {
  await cache.getOrSet('k', () => new Promise<string>(() => {}), { hardTimeout: 200 });
} catch (error) {
  console.log(isCacheError(error) ? error.code : error);
}

// Nothing but the caller keeps the process alive: the loader's own timer does not.
const late = (): Promise<string> =>
  new Promise((resolve) => {
    const timer: unknown = setTimeout(() => resolve('late'), 200);
    if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
      timer.unref();
  });
console.log(await cache.getOrSet('endless', late, { hardTimeout: Infinity }));
await cache.close();
