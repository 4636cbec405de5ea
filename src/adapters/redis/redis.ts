import { Redis } from 'ioredis';
import type { Bus } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import type { RemoteTier } from '../../core/ports/remote-tier.ts';
import { RedisBus } from './bus.ts';
import { Backoff } from './connection/backoff.ts';
import { type CommandClient, Connections } from './connection/connections.ts';
import { EvictionWatch } from './eviction-watch.ts';
import {
  assertClient,
  assertUrl,
  type ClientSettings,
  FAIL_FAST,
  type RedisOptions,
  resolveRedisOptions,
  unsafeSettings,
} from './options.ts';
import { gzipPacking } from './protocol/gzip-packing.ts';
import { keyspace } from './protocol/keyspace.ts';
import { RedisRemoteTier } from './remote-tier.ts';

/** What {@link redis} makes: spread it into the options of `createCache`. */
export interface RedisTiers {
  readonly l2: RemoteTier;
  readonly bus: Bus;
}

/**
 * L2 and the bus in one Redis (7.0 or newer) or Valkey (7.2 or newer). Nothing is connected before the cache starts.
 *
 * @param server `redis://user:password@host:port/database`, `rediss://…` for TLS, or an ioredis client. Such a client is
 *   used for commands as it is and stays open when the cache closes; the bus takes a duplicate of it. A reset of a
 *   silent connection drops the client's own socket.
 * @throws {@link InvalidOptionError} naming the option: `url`, `client`, `namespace`, `connectTimeout`, `connections`,
 *   `probeEvery`, `compression`.
 */
export function redis(server: string | Redis | undefined, options: RedisOptions = {}): RedisTiers {
  const resolved = resolveRedisOptions(options);
  const { namespace, connectTimeout, connections, probeEvery, compressFrom } = resolved;
  const settings = (role: string, backoff?: Backoff): ClientSettings => ({
    ...FAIL_FAST,
    connectTimeout,
    connectionName: `tiercel:${namespace}:${role}`,
    retryStrategy: backoff?.next ?? (() => null),
  });

  const busBackoff = new Backoff(probeEvery);
  const busSettings = settings('bus', busBackoff);
  const evictionSettings = settings('evictions');
  const keysIn = (client: Redis) => (cache: CacheIdentity) => keyspace(namespace, cache, databaseOf(client));
  const tier = (clients: readonly CommandClient[], evictions: Redis): RemoteTier =>
    new RedisRemoteTier(
      new Connections(clients),
      keysIn(evictions),
      new EvictionWatch(evictions),
      gzipPacking(compressFrom),
      databaseOf(evictions),
    );
  const busOver = (client: Redis): Bus => new RedisBus(client, busBackoff, keysIn(client));

  if (isClient(server)) {
    assertClient(server, connections);
    for (const warning of unsafeSettings(server)) resolved.onWarning(warning);
    const borrowed: CommandClient = { client: server, backoff: undefined };
    return {
      l2: tier([borrowed], server.duplicate(evictionSettings)),
      bus: busOver(server.duplicate(busSettings)),
    };
  }

  assertUrl(server);
  const commandClients = Array.from({ length: connections }, (): CommandClient => {
    const backoff = new Backoff(probeEvery);
    return { client: new Redis(server, settings('data', backoff)), backoff };
  });
  return {
    l2: tier(commandClients, new Redis(server, evictionSettings)),
    bus: busOver(new Redis(server, busSettings)),
  };
}

/** Number of the database that a client of ours selects. */
function databaseOf({ options }: Redis): number {
  return options.db ?? 0;
}

function isClient(given: unknown): given is Redis {
  return typeof given === 'object' && given !== null && 'duplicate' in given && 'options' in given;
}
