import { lru } from 'tiercel/lru';
import { type RedisTiers, redis } from 'tiercel/redis';
import { assembleCache, COLLABORATORS } from '../../src/core/create-cache.ts';
import type { Observer } from '../../src/core/model/events.ts';
import type { TieredCache } from '../../src/index.ts';
import { until } from '../../src/testing/until.ts';
import { uniqueNamespace } from '../support/redis-server.ts';
import { redisWire } from '../support/redis-wire.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** A cache of this process, and its own link to Redis with the connections labelled. */
export interface LibraryMember {
  readonly cache: TieredCache;
  readonly link: TcpProxy;
}

/** A weaker part in place of a real one, to see that its absence is noticed, and somebody to watch. */
export interface Weakening {
  readonly collaborators?: Partial<typeof COLLABORATORS>;
  readonly observers?: readonly Observer[];
  /** Puts something between the cache and Redis. */
  readonly tiers?: (tiers: RedisTiers) => RedisTiers;
}

/** Two caches over one Redis and one source: the library without the service, so that its parts can be replaced. */
export interface LibraryPair {
  readonly writer: LibraryMember;
  readonly reader: LibraryMember;
  /** Changes a row, invalidates it by the writer and answers its version. */
  write(key: string): Promise<number>;
  /** The version that a member answers. */
  read(member: LibraryMember, key: string): Promise<number>;
}

/** Starts the pair, proven and ready; the weakening is the reader's. `owner` ends it. */
export async function startLibraryPair(
  owner: AsyncDisposableStack,
  redisUrl: string,
  maxLagMs: number,
  weakening: Weakening = {},
): Promise<LibraryPair> {
  const namespace = uniqueNamespace('pair');
  const source = new Map<string, number>();
  const start = async ({ collaborators, observers = [], tiers = (own) => own }: Weakening): Promise<LibraryMember> => {
    const link = owner.use(await startProxy({ target: redisUrl, ...redisWire().observers }));
    const { l2, bus } = tiers(redis(link.through(redisUrl), { namespace }));
    const options = { l1: lru(), l2, bus, maxLag: maxLagMs, observers };
    const cache = owner.use(assembleCache(options, { ...COLLABORATORS, ...collaborators }));
    await until(() => isInUse(cache), { what: 'the first proof' });
    return { cache, link };
  };
  const writer = await start({});
  const reader = await start(weakening);
  return {
    writer,
    reader,
    async write(key) {
      const version = (source.get(key) ?? 0) + 1;
      source.set(key, version);
      await writer.cache.delete(key);
      return version;
    },
    read: ({ cache }, key) => cache.getOrSet(key, () => source.get(key) ?? 0),
  };
}

/** Whether a cache uses Redis, and has heard its own heartbeat on the bus. */
export function isInUse(cache: TieredCache): boolean {
  const { l2, bus } = cache.health();
  return l2?.healthy === true && bus?.subscribed === true && bus.proofAgeMs !== undefined;
}
