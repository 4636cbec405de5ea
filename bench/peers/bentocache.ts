import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis';
import { type Contender, MOST_ENTRIES, type Opening, TTL_MS } from '../support/peer.ts';
import { redisClient } from './clients.ts';

interface Settings {
  /** L1 holds objects instead of JSON: documented as the fast way, at the cost of shared references. */
  readonly serialize: boolean;
  /**
   * What an expert would set against a Redis that hangs: a breaker, a timeout of commands and no offline queue. None of it
   * is a default, and the timeout is the client's.
   */
  readonly isTuned?: boolean;
}

const TUNED = { commandTimeout: 50, enableOfflineQueue: false, maxRetriesPerRequest: 0 };

function bento(name: string, { serialize, isTuned = false }: Settings): Contender {
  return {
    name,
    tiers: ['l1', 'l2', 'both'],
    hasBus: true,
    async open({ tiers, url, namespace, load }: Opening) {
      const memory = () => memoryDriver({ maxItems: MOST_ENTRIES, serialize });
      const remote = () => redisDriver({ connection: redisClient(url, isTuned ? TUNED : {}) });
      // Its own connection options: a bus subscribes, which takes a connection of its own.
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
        ...(isTuned ? { l2CircuitBreakerDuration: '2s' } : {}),
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
  bento('bentocache', { serialize: true }),
  bento('bentocache (serialize: false)', { serialize: false }),
];

/** Only for outages. */
export const tunedBentocache = bento('bentocache (tuned by hand)', { serialize: true, isTuned: true });
