import postgres, { type Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import { makeCatalogEnvironment } from '../integration/support/catalog-environment.ts';
import { startInstance } from '../integration/support/instances.ts';
import { LOG_STATEMENTS } from '../integration/support/postgres-statements.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { ask, OPERATOR } from './asking.ts';

/** Where the stories happen: two instances of the service over a Redis and a PostgreSQL that are theirs alone. */
export interface Stage {
  readonly one: ServiceProcess;
  readonly other: ServiceProcess;
  readonly both: readonly [ServiceProcess, ServiceProcess];
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  /** Reaches the database past the service, as `psql` would. */
  readonly sql: Sql;
  readonly env: Readonly<Record<string, string>>;
}

/** Redis drops what has not been used for the longest time once it is full, and tells of it; so it is in `compose.yaml`. */
const REDIS_CONFIG = { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru', 'notify-keyspace-events': 'Ee' };

const SETTINGS = {
  AUTH: 'token',
  ADMIN_TOKEN: OPERATOR,
  DATABASE_POOL: '10',
  // Three times the default, and still far from what a caller would notice: this machine has other things to do as well.
  REDIS_TIMEOUT_MS: '150',
};

/** Sets the stage; `owner` clears it, and checks how the instances end. */
export async function setStage(owner: AsyncDisposableStack): Promise<Stage> {
  const [redis, server] = await Promise.all([
    startRedis({ config: REDIS_CONFIG }),
    startPostgres({ config: LOG_STATEMENTS }),
  ]);
  owner.use(redis);
  owner.use(server);
  const catalog = owner.use(await makeCatalogEnvironment({ redis: redis.url, postgres: server.url }));
  const sql = owner.adopt(postgres(catalog.database.url, { max: 1 }), (client) => client.end());
  const env = { ...catalog.env, ...SETTINGS };
  const both = await Promise.all([startInstance(owner, env), startInstance(owner, env)]);
  const [one, other] = both;
  return { one, other, both, redis, postgres: server, sql, env };
}

/** What a story begins with: Redis in use by both instances, nothing under way, and nothing in the cache. */
export async function startAfresh({ one, both }: Stage): Promise<void> {
  for (const service of both) {
    await until(async () => isAtRest(await healthOf(service)), {
      what: 'an instance at rest',
      within: 20_000,
      every: 50,
    });
  }
  const flushed = await ask(one, '/api/v1/cache', { method: 'DELETE' });
  if (flushed.status !== 204) throw new Error(`the flush was answered ${flushed.status}: ${flushed.text}`);
}

/** Has an instance load what is read most, and waits until it has. */
export async function warm(service: ServiceProcess): Promise<void> {
  const answer = await ask(service, '/api/v1/cache/warm', { method: 'POST' });
  if (answer.status !== 202) throw new Error(`the warm-up was answered ${answer.status}: ${answer.text}`);
  const isWarm = async () => (await healthOf(service)).warmup.state === 'done';
  await until(isWarm, { what: 'a warm cache', within: 20_000, every: 50 });
}

/** What `GET /api/v1/cache/health` says, as far as the stories look at it. */
export interface Health {
  readonly overall: 'healthy' | 'degraded' | 'down';
  readonly recommendation: string;
  readonly warmup: { readonly state: string };
}

/** How a service says that it is doing. */
export async function healthOf(service: ServiceProcess): Promise<Health> {
  return (await ask(service, '/api/v1/cache/health')).json<Health>();
}

function isAtRest({ overall, warmup }: Health): boolean {
  return overall === 'healthy' && warmup.state !== 'running';
}
