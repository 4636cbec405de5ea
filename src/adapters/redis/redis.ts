import { Redis } from 'ioredis';
import type { Bus } from '../../core/ports/bus.ts';
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
import { keyspace, type Naming } from './protocol/keyspace.ts';
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
  const settings = (backoff?: Backoff): ClientSettings => ({
    ...FAIL_FAST,
    connectTimeout,
    retryStrategy: backoff?.next ?? (() => null),
  });

  const busBackoff = new Backoff(probeEvery);
  const tiersOver = (clients: readonly CommandClient[], bus: Redis, evictions: Redis): RedisTiers => {
    const naming: Naming = {
      keyspaceOf: (cache) => keyspace(namespace ?? cache.name, cache, evictions.options.db ?? 0),
    };
    const connections = new Connections(clients, resolved.onWarning);
    return {
      l2: new RedisRemoteTier(connections, naming, new EvictionWatch(evictions), gzipPacking(compressFrom)),
      bus: new RedisBus(bus, busBackoff, naming),
    };
  };

  if (isClient(server)) {
    assertClient(server, connections);
    for (const warning of unsafeSettings(server)) resolved.onWarning(warning);
    const borrowed: CommandClient = { client: server, backoff: undefined };
    // What has been selected since the client was made counts, not what its options say.
    const db = server.condition?.select ?? server.options.db ?? 0;
    const bus = server.duplicate({ ...settings(busBackoff), db });
    return tiersOver([borrowed], bus, server.duplicate({ ...settings(), db }));
  }

  assertUrl(server);
  const commandClients = Array.from({ length: connections }, (): CommandClient => {
    const backoff = new Backoff(probeEvery);
    return { client: new Redis(server, settings(backoff)), backoff };
  });
  return tiersOver(commandClients, new Redis(server, settings(busBackoff)), new Redis(server, settings()));
}

function isClient(given: unknown): given is Redis {
  return typeof given === 'object' && given !== null && 'duplicate' in given && 'options' in given;
}
