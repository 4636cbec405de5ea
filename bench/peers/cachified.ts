import { type Cache, type CacheEntry, cachified, totalTtl } from '@epic-web/cachified';
import type { Redis, RedisOptions } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type Contender, MOST_ENTRIES, type Opening, type Tiers, TTL_MS } from '../support/peer.ts';
import { PIPELINED, redisClient } from './clients.ts';

/** Makes the store in memory that its documentation shows. */
function inMemory(): Cache {
  const entries = new LRUCache<string, CacheEntry>({ max: MOST_ENTRIES });
  return {
    set(key, value) {
      const ttl = totalTtl(value.metadata);
      return entries.set(key, value, ttl === Infinity ? {} : { ttl, start: value.metadata.createdTime });
    },
    get: (key) => entries.get(key),
    delete: (key) => entries.delete(key),
  };
}

/** Makes a store over ioredis that works as `cachified-redis-adapter` does. */
function inRedis(client: Redis, namespace: string): { cache: Cache; close: () => Promise<unknown> } {
  const cache: Cache = {
    set(key, value) {
      const ttl = totalTtl(value.metadata);
      const text = JSON.stringify(value);
      const name = `${namespace}:${key}`;
      return ttl === Infinity ? client.set(name, text) : client.set(name, text, 'PX', Math.ceil(ttl));
    },
    async get(key) {
      const text = await client.get(`${namespace}:${key}`);
      return text === null ? null : JSON.parse(text);
    },
    delete: (key) => client.del(`${namespace}:${key}`),
  };
  return { cache, close: async () => client.disconnect() };
}

/** Opens cachified, which has one tier. */
const inOneTier = (name: string, tiers: readonly Tiers[], options?: RedisOptions): Contender => ({
  name,
  tiers,
  hasBus: false,
  async open({ tiers: own, url, namespace, load }: Opening) {
    const { cache, close } =
      own === 'l1' ? { cache: inMemory(), close: async () => {} } : inRedis(redisClient(url, options), namespace);
    return {
      read: (key) => cachified({ key, cache, ttl: TTL_MS, getFreshValue: () => load(key) }),
      remove: async (key) => cache.delete(key),
      close,
    };
  },
});

export const cachifieds: readonly Contender[] = [
  inOneTier('cachified', ['l1', 'l2']),
  inOneTier('cachified (auto-pipelined)', ['l2'], PIPELINED),
];
