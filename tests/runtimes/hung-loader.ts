import { createCache, isCacheError } from 'tiercel';
import { lru } from 'tiercel/lru';

/** A program that waits for nothing but a load that hangs: it lives until its caller is told so, and ends then by itself. */
const cache = createCache({ l1: lru() });
try {
  await cache.getOrSet('k', () => new Promise<string>(() => {}), { hardTimeout: 200 });
} catch (error) {
  console.log(isCacheError(error) ? error.code : error);
}
await cache.close();
