import { createCatalogDatabase } from '../../support/catalog-database.ts';
import type { TestDatabase } from '../../support/postgres-server.ts';
import { sharedRedis, uniqueNamespace } from '../../support/redis-server.ts';

/** What the instances of one fleet share. */
export interface CatalogEnvironment extends AsyncDisposable {
  /** For {@link startService}; add or replace what an instance has of its own. */
  readonly env: Readonly<Record<'DATABASE_URL' | 'REDIS_URL' | 'CACHE_NAMESPACE' | 'TIERCEL_PROFILE' | 'AUTH', string>>;
  readonly database: TestDatabase;
}

/**
 * A database with the sample catalog and a part of Redis that nobody else uses. Data routes ask for no token.
 *
 * @param servers URLs of a test's own servers; by default those that all test files share.
 */
export async function makeCatalogEnvironment(
  servers: { readonly redis?: string; readonly postgres?: string } = {},
): Promise<CatalogEnvironment> {
  const redis = servers.redis ?? (await sharedRedis());
  const database = await createCatalogDatabase(servers.postgres);
  return {
    database,
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis,
      CACHE_NAMESPACE: uniqueNamespace('fleet'),
      TIERCEL_PROFILE: 'test',
      AUTH: 'none',
    },
    [Symbol.asyncDispose]: () => database.drop(),
  };
}
