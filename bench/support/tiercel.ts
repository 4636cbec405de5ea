import { type CacheOptions, createCache, type LoaderContext, type LocalTier, type ReadOptions } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { type Contender, MOST_ENTRIES, type Opening, TTL_MS } from './peer.ts';

/** Both lifetimes are long, so that a hit is a hit for the whole of a benchmark. */
export const LIFETIMES = { ttl: TTL_MS, l1Ttl: TTL_MS } as const;

/** An L1 that holds nothing, so that every read goes to L2. */
export const noL1 = (): LocalTier => ({
  get: () => undefined,
  set() {},
  delete() {},
  clear() {},
  ids: () => [],
  usage: () => ({ entries: 0, bytes: 0, evictions: 0 }),
});

/**
 * Makes a contender of Tiercel with its defaults and all checks on.
 * @param options Options of every read, beside {@link LIFETIMES}.
 * @param ofCache Options of the cache that differ from the defaults.
 */
export function tiercelWith(
  name: string,
  options: ReadOptions = {},
  ofCache: Pick<CacheOptions, 'freeze'> = {},
): Contender {
  return {
    name,
    tiers: ['l1', 'l2', 'both'],
    hasBus: true,
    async open({ tiers, url, namespace, load }: Opening) {
      const l1 = tiers === 'l2' ? noL1() : lru({ maxEntries: MOST_ENTRIES });
      const cache = createCache({ l1, ...ofCache, ...(tiers !== 'l1' && redis(url, { namespace })) });
      await cache.ready();
      const ofRead: ReadOptions = { ...LIFETIMES, ...options };
      const loader = ({ key }: LoaderContext) => load(key);
      return {
        read: (key) => cache.getOrSet(key, loader, ofRead),
        remove: (key) => cache.delete(key),
        close: () => cache.close(),
      };
    },
  };
}

export const tiercel = tiercelWith('tiercel');
