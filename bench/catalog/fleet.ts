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

/** What all instances share: servers of their own, and the sample catalog. */
export interface Surroundings extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  readonly env: Readonly<Record<string, string>>;
}

/** As in `compose.yaml`: Redis drops what has not been used for the longest time once it is full. */
const REDIS_CONFIG = { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru', 'notify-keyspace-events': 'Ee' };

export async function makeSurroundings(): Promise<Surroundings> {
  await using opened = new AsyncDisposableStack();
  const redis = opened.use(await startRedis({ config: REDIS_CONFIG }));
  const server = opened.use(await startPostgres({ config: LOG_STATEMENTS }));
  const catalog = opened.use(await makeCatalogEnvironment({ redis: redis.url, postgres: server.url }));
  const owned = opened.move();
  return { redis, postgres: server, env: catalog.env, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Starts two instances with a part of Redis that is theirs. */
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

/** Has an instance load what is read most, and waits until it has. */
export async function warm(service: ServiceProcess): Promise<void> {
  await ask(service, '/api/v1/cache/warm', { method: 'POST' });
  const isWarm = async () => {
    const health = (await ask(service, '/api/v1/cache/health')).json<{ warmup: { state: string } }>();
    return health.warmup.state === 'done';
  };
  await until(isWarm, { what: 'a warm cache', within: 20_000, every: 50 });
}

/** Has PostgreSQL write statements into its log, or not: where each read is a statement, that alone would slow it down. */
export async function logStatements({ postgres: server }: Surroundings, which: 'all' | 'none'): Promise<void> {
  const sql: Sql = postgres(server.url, { max: 1 });
  try {
    await sql.unsafe(`alter system set log_statement = '${which}'`);
    await sql`select pg_reload_conf()`;
    // Every backend takes the new setting before its next statement, once the postmaster has told it.
    await until(async () => (await sql`show log_statement`)[0]?.log_statement === which, {
      what: `log_statement to be ${which}`,
    });
  } finally {
    await sql.end();
  }
}
