import { createCache } from 'cache-manager';
import { createKeyv } from 'cacheable';
import { type Contender, MOST_ENTRIES, type Opening, type Tiers, TTL_MS } from '../support/peer.ts';
import { keyvRedis } from './clients.ts';

function cacheManager(name: string, useClone: boolean, all: readonly Tiers[]): Contender {
  return {
    name,
    tiers: all,
    hasBus: false,
    async open({ tiers, url, namespace, load }: Opening) {
      // This is the memory store that its documentation advises, and the order of tiers that it shows.
      const memory = () => createKeyv({ ttl: TTL_MS, useClone, lruSize: MOST_ENTRIES });
      const stores = [...(tiers === 'l2' ? [] : [memory()]), ...(tiers === 'l1' ? [] : [keyvRedis(url, namespace)])];
      const cache = createCache({ stores, ttl: TTL_MS });
      return {
        read: (key) => cache.wrap(key, () => load(key)),
        remove: (key) => cache.del(key),
        close: () => cache.disconnect(),
      };
    },
  };
}

export const cacheManagers: readonly Contender[] = [
  cacheManager('cache-manager', true, ['l1', 'l2', 'both']),
  // This is an option of the memory store: the caller gets the very object that is stored.
  cacheManager('cache-manager (no clones)', false, ['l1']),
];
