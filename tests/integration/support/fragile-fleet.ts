import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { type RedisWire, redisWire } from '../../support/redis-wire.ts';
import type { ServiceProcess } from '../../support/service-process.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './catalog-environment.ts';
import { startInstance } from './instances.ts';

/** Two instances whose Redis is theirs alone, to be stopped, killed or cut off, with a view of what they send to it. */
export interface FragileFleet {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  readonly wire: RedisWire;
  readonly env: CatalogEnvironment['env'];
  readonly one: ServiceProcess;
  readonly other: ServiceProcess;
}

/**
 * Starts the fleet; `owner` ends it, and checks how its instances end.
 *
 * @param settings Further environment of both instances.
 */
export async function startFragileFleet(
  owner: AsyncDisposableStack,
  settings: Readonly<Record<string, string>> = {},
): Promise<FragileFleet> {
  const redis = owner.use(await startRedis());
  const wire = redisWire();
  const proxy = owner.use(await startProxy({ target: redis.url, ...wire.observers }));
  const catalog = owner.use(await makeCatalogEnvironment({ redis: proxy.through(redis.url) }));
  const env = { ...catalog.env, ...settings };
  const [one, other] = await Promise.all([startInstance(owner, env), startInstance(owner, env)]);
  return { redis, proxy, wire, env, one, other };
}
