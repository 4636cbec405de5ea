import { Redis } from 'ioredis';
import type { Bus } from '../../core/ports/bus.ts';
import type { RemoteTier } from '../../core/ports/remote-tier.ts';
import { RedisBus } from './bus.ts';
import { placeOf } from './client-place.ts';
import { Backoff } from './connection/backoff.ts';
import { Connections, type OwnClient } from './connection/connections.ts';
import { EvictionWatch } from './eviction-watch.ts';
import { assertUrl, type ClientSettings, FAIL_FAST, type RedisOptions, resolveRedisOptions } from './options.ts';
import { gzipPacking } from './protocol/gzip-packing.ts';
import { keyspace, type Naming } from './protocol/keyspace.ts';
import { RedisRemoteTier } from './remote-tier.ts';

/** The tiers that {@link redis} makes: spread it into the options of `createCache`. */
export interface RedisTiers {
  readonly l2: RemoteTier;
  readonly bus: Bus;
}

/**
 * L2 and the bus in one Redis (7.0 or newer) or Valkey (7.2 or newer). Nothing is connected before the cache starts.
 *
 * @param server `redis://user:password@host:port/database`, `rediss://…` for TLS, or an ioredis client. Of a client only
 *   the address, TLS, the credentials and the database that it has selected are taken, at this call. The connections are
 *   Tiercel's own: nothing is sent on the client, and it may end.
 * @throws {@link InvalidOptionError} naming the option: `url`, `client`, `namespace`, `connectTimeout`, `connections`,
 *   `probeEvery`, `compression`, `integrityKey`.
 */
export function redis(server: string | Redis | undefined, options: RedisOptions = {}): RedisTiers {
  const resolved = resolveRedisOptions(options);
  const { namespace, connectTimeout, connections, probeEvery, compressFrom, integrity, onWarning } = resolved;
  const connect = connectorTo(server);
  const made = (retryStrategy: () => number | null): Redis => connect({ ...FAIL_FAST, connectTimeout, retryStrategy });

  const clients = Array.from({ length: connections }, (): OwnClient => {
    const backoff = new Backoff(probeEvery);
    return { client: made(backoff.next), backoff };
  });
  const busBackoff = new Backoff(probeEvery);
  const evictions = made(() => null);
  const naming: Naming = {
    keyspaceOf: (cache) => keyspace(namespace ?? cache.name, cache, evictions.options.db ?? 0),
  };
  const tier = new Connections(clients, onWarning);
  return {
    l2: new RedisRemoteTier(tier, naming, new EvictionWatch(evictions), {
      packing: gzipPacking(compressFrom),
      integrity,
    }),
    bus: new RedisBus(made(busBackoff.next), busBackoff, naming, integrity),
  };
}

/** Makes clients of our own, all to the same place: that of the URL, or of the client that was passed in. */
function connectorTo(server: string | Redis | undefined): (settings: ClientSettings) => Redis {
  if (isClient(server)) {
    const place = placeOf(server);
    return (settings) => new Redis({ ...place, ...settings });
  }
  assertUrl(server);
  return (settings) => new Redis(server, settings);
}

function isClient(given: unknown): given is Redis {
  return typeof given === 'object' && given !== null && 'duplicate' in given && 'options' in given;
}
