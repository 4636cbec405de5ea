import postgres, { type Sql } from 'postgres';
import type { ServiceProcess } from '../../support/service-process.ts';
import { type BusEar, listenToBus } from './bus-ear.ts';
import { makeCatalogEnvironment } from './catalog-environment.ts';
import { startInstance } from './instances.ts';

/** Two instances over one database, somebody who writes past them, and an ear on their bus. */
export interface RelayScene {
  readonly instances: readonly ServiceProcess[];
  /** As any other program would use the database: it knows nothing of the cache. */
  readonly psql: Sql;
  readonly ear: BusEar;
}

/** @param overrides Of the instances' environment. */
export async function startRelayScene(
  owned: AsyncDisposableStack,
  overrides: Readonly<Record<string, string>> = {},
): Promise<RelayScene> {
  const catalog = owned.use(await makeCatalogEnvironment());
  const psql = postgres(catalog.database.url, { max: 1, onnotice: () => {} });
  owned.defer(() => psql.end());
  const ear = await listenToBus(owned, catalog.env.REDIS_URL, catalog.env.CACHE_NAMESPACE);
  const env = { ...catalog.env, ...overrides };
  const instances = await Promise.all([startInstance(owned, env), startInstance(owned, env)]);
  return { instances, psql, ear };
}
