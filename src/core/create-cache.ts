import { assembleCache } from './assemble.ts';
import type { TieredCache } from './cache.ts';
import { assertOptions, type CacheOptions } from './cache-options.ts';

/**
 * Makes a cache.
 * @example
 * const cache = createCache({ name: 'catalog', l1: lru(), ...redis('redis://localhost') });
 * @throws {@link InvalidOptionError} naming the option that cannot be used. Never because a server is away: the cache
 *   works from the first call on and takes L2 into use when it is there.
 */
export function createCache(options: CacheOptions): TieredCache {
  assertOptions(options);
  return assembleCache(options);
}
