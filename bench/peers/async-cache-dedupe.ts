import { createCache } from 'async-cache-dedupe';
import { type Contender, MOST_ENTRIES, type Opening, TTL_MS } from '../support/peer.ts';
import { redisClient } from './clients.ts';

const inMemory = () => ({ type: 'memory', options: { size: MOST_ENTRIES } }) as const;

/** It has one storage, memory or Redis. Invalidation by references is off, as by default: it costs. */
export const asyncCacheDedupes: readonly Contender[] = [
  {
    name: 'async-cache-dedupe',
    tiers: ['l1', 'l2'],
    hasBus: false,
    async open({ tiers, url, namespace, load }: Opening) {
      const client = tiers === 'l1' ? undefined : redisClient(url);
      const storage = client === undefined ? inMemory() : ({ type: 'redis', options: { client } } as const);
      // The name of what it loads begins its keys in Redis.
      const cache = createCache({ ttl: TTL_MS / 1_000, storage }).define(namespace, (key: string) => load(key));
      const read = cache[namespace];
      if (read === undefined) throw new Error(`async-cache-dedupe did not define ${namespace}`);
      return {
        read,
        remove: (key) => cache.clear(namespace, key),
        close: async () => client?.disconnect(),
      };
    },
  },
];
