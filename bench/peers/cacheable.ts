import { RedisMessageProvider } from '@qified/redis';
import { Cacheable, createKeyv } from 'cacheable';
import { Keyv } from 'keyv';
import { type Contender, MOST_ENTRIES, type Opening, type Tiers, TTL_MS } from '../support/peer.ts';
import { keyvRedis } from './clients.ts';

/** Holds nothing, so that every read goes to the secondary store. */
const nothing = (): Keyv => {
  const store = new Map<string, unknown>();
  store.set = () => store;
  return new Keyv({ store });
};

function cacheable(name: string, useClones: boolean, all: readonly Tiers[]): Contender {
  return {
    name,
    tiers: all,
    hasBus: true,
    async open({ tiers, url, namespace, load }: Opening) {
      // `lruSize` bounds the store, as the others are bounded. By default there is no bound and no list to keep in
      // order.
      const primary =
        tiers === 'l2' ? nothing() : createKeyv({ ttl: TTL_MS, useClone: useClones, lruSize: MOST_ENTRIES });
      const bus = tiers === 'both' ? new RedisMessageProvider({ uri: url }) : undefined;
      const cache = new Cacheable({
        primary,
        ttl: TTL_MS,
        ...(tiers === 'l1' ? {} : { secondary: keyvRedis(url, namespace) }),
        ...(bus === undefined ? {} : { sync: { qified: bus }, namespace }),
      });
      cache.on('error', () => {});
      return {
        read: (key) => cache.getOrSet(key, () => load(key)),
        remove: (key) => cache.delete(key),
        close: () => Promise.all([cache.disconnect(), bus?.disconnect()]),
      };
    },
  };
}

export const cacheables: readonly Contender[] = [
  cacheable('cacheable', true, ['l1', 'l2', 'both']),
  // The documentation advises it for big values: the caller gets the very object that is stored.
  cacheable('cacheable (no clones)', false, ['l1']),
];
