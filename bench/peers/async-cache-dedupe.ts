import { createCache } from 'async-cache-dedupe';
import type { RedisOptions } from 'ioredis';
import { type Contender, MOST_ENTRIES, type Opening, type Tiers, TTL_MS } from '../support/peer.ts';
import { PIPELINED, redisClient } from './clients.ts';

const inMemory = () => ({ type: 'memory', options: { size: MOST_ENTRIES } }) as const;

/**
 * Opens async-cache-dedupe, which has one storage, memory or Redis. Invalidation by references is off, as by default,
 * since it costs time.
 */
const inOneStorage = (name: string, tiers: readonly Tiers[], options?: RedisOptions): Contender => ({
  name,
  tiers,
  hasBus: false,
  async open({ tiers: own, url, namespace, load }: Opening) {
    const client = own === 'l1' ? undefined : redisClient(url, options);
    const storage = client === undefined ? inMemory() : ({ type: 'redis', options: { client } } as const);
    // The name of the loaded value begins its keys in Redis.
    const cache = createCache({ ttl: TTL_MS / 1_000, storage }).define(namespace, (key: string) => load(key));
    const read = cache[namespace];
    if (read === undefined) throw new Error(`async-cache-dedupe did not define ${namespace}`);
    return {
      read,
      remove: (key) => cache.clear(namespace, key),
      close: async () => client?.disconnect(),
    };
  },
});

export const asyncCacheDedupes: readonly Contender[] = [
  inOneStorage('async-cache-dedupe', ['l1', 'l2']),
  inOneStorage('async-cache-dedupe (auto-pipelined)', ['l2'], PIPELINED),
];
