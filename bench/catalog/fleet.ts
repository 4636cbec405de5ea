import postgres, { type Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import { ask, OPERATOR } from '../../tests/acceptance/asking.ts';
import { makeCatalogEnvironment } from '../../tests/integration/support/catalog-environment.ts';
import { LOG_STATEMENTS } from '../../tests/integration/support/postgres-statements.ts';
import { type PostgresServer, startPostgres } from '../../tests/support/postgres-server.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../tests/support/redis-server.ts';
import { type ServiceProcess, startService } from '../../tests/support/service-process.ts';

/** Two instances of the service, asked by turns. */
export type Pair = readonly [ServiceProcess, ServiceProcess];

/** The servers and the sample catalog that all instances share. */
export interface Surroundings extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  readonly env: Readonly<Record<string, string>>;
}

/** Redis is configured as in `compose.yaml`: once full, it drops the keys that were not used for the longest time. */
const REDIS_CONFIG = { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru', 'notify-keyspace-events': 'Ee' };

export async function makeSurroundings(): Promise<Surroundings> {
  await using opened = new AsyncDisposableStack();
  const redis = opened.use(await startRedis({ config: REDIS_CONFIG }));
  const server = opened.use(await startPostgres({ config: LOG_STATEMENTS }));
  const catalog = opened.use(await makeCatalogEnvironment({ redis: redis.url, postgres: server.url }));
  const owned = opened.move();
  return { redis, postgres: server, env: catalog.env, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Starts two instances with a namespace of their own in Redis. */
export async function startPair(
  owner: AsyncDisposableStack,
  { env }: Surroundings,
  settings: Readonly<Record<string, string>> = {},
): Promise<Pair> {
  const own = { AUTH: 'token', ADMIN_TOKEN: OPERATOR, CACHE_NAMESPACE: uniqueNamespace('bench') };
  const all = { ...env, ...own, ...settings };
  const [one, other] = await Promise.all([startService(all), startService(all)]);
  for (const service of [one, other]) owner.use(service);
  return [one, other];
}

/** Warms an instance with its most read rows, and waits until it has done so. */
export async function warm(service: ServiceProcess): Promise<void> {
  await ask(service, '/api/v1/cache/warm', { method: 'POST' });
  const isWarm = async () => {
    const health = (await ask(service, '/api/v1/cache/health')).json<{ warmup: { state: string } }>();
    return health.warmup.state === 'done';
  };
  await until(isWarm, { what: 'a warm cache', within: 20_000, every: 50 });
}

/**
 * Switches the log of statements in PostgreSQL on or off. Where each read is a statement, the log alone would slow it
 * down.
 */
export async function logStatements({ postgres: server }: Surroundings, which: 'all' | 'none'): Promise<void> {
  const sql: Sql = postgres(server.url, { max: 1 });
  try {
    await sql.unsafe(`alter system set log_statement = '${which}'`);
    await sql`select pg_reload_conf()`;
    // Every backend takes the new setting before its next statement, once the postmaster has passed it on.
    await until(async () => (await sql`show log_statement`)[0]?.log_statement === which, {
      what: `log_statement to be ${which}`,
    });
  } finally {
    await sql.end();
  }
}
