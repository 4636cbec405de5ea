import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import type { RedisOptions } from 'ioredis';
import { type Contender, MOST_ENTRIES, type Opening, type Tiers, TTL_MS } from '../support/peer.ts';
import { PIPELINED, redisClient } from './clients.ts';

interface Settings {
  /**
   * Lets L1 hold objects instead of JSON. The documentation calls it the fast way, at the cost of shared references.
   */
  readonly serialize?: boolean;
  /** Options of the ioredis client. */
  readonly client?: RedisOptions;
  /** Gives the cache a breaker before Redis. By default it has none. */
  readonly breaker?: { readonly l2CircuitBreakerDuration: string };
  /** The tiers that it can be opened with. Default: any. */
  readonly tiers?: readonly Tiers[];
}

/**
 * The settings of an expert against a Redis that hangs: a breaker, a timeout of commands and no offline queue. None of
 * them is a default, and the timeout is the client's.
 */
const TUNED: Settings = {
  client: { commandTimeout: 50, enableOfflineQueue: false, maxRetriesPerRequest: 0 },
  breaker: { l2CircuitBreakerDuration: '2s' },
};

function bento(name: string, settings: Settings): Contender {
  const { serialize = true, client, breaker = {}, tiers: all = ['l1', 'l2', 'both'] } = settings;
  return {
    name,
    tiers: all,
    hasBus: true,
    async open({ tiers, url, namespace, load }: Opening) {
      const memory = () => memoryDriver({ maxItems: MOST_ENTRIES, serialize });
      const remote = () => redisDriver({ connection: redisClient(url, client) });
      // The bus gets connection options of its own: it subscribes, which takes a connection of its own.
      const bus = () => redisBusDriver({ connection: redisClient(url) });
      const store =
        tiers === 'l1'
          ? bentostore().useL1Layer(memory())
          : tiers === 'l2'
            ? bentostore().useL2Layer(remote())
            : bentostore().useL1Layer(memory()).useL2Layer(remote()).useBus(bus());
      const cache = new BentoCache({
        default: 'store',
        prefix: namespace,
        ttl: TTL_MS,
        ...breaker,
        stores: { store },
      });
      return {
        read: (key) => cache.getOrSet({ key, factory: () => load(key) }),
        remove: (key) => cache.delete({ key }),
        close: () => cache.disconnectAll(),
      };
    },
  };
}

export const bentocaches: readonly Contender[] = [
  bento('bentocache', {}),
  bento('bentocache (serialize: false)', { serialize: false, tiers: ['l1'] }),
  bento('bentocache (auto-pipelined)', { client: PIPELINED, tiers: ['l2', 'both'] }),
];

/** This configuration runs in outages only. */
export const tunedBentocache = bento('bentocache (tuned by hand)', TUNED);
