import { randomBytes } from 'node:crypto';
import type { Elysia } from 'elysia';
import manifest from '../../package.json' with { type: 'json' };
import { lru } from '../adapters/lru/index.ts';
import { redis } from '../adapters/redis/index.ts';
import { type Database, openDatabase } from '../catalog/database.ts';
import { migrate, pendingMigrations } from '../catalog/migrate.ts';
import type { TieredCache } from '../core/cache.ts';
import { createCache } from '../core/create-cache.ts';
import type { Resource } from '../resources/resource.ts';
import { instrument } from '../telemetry/index.ts';
import { Access } from './access.ts';
import { createApp } from './app.ts';
import type { Config, StaticToken } from './config.ts';
import { eventsToLog } from './events-to-log.ts';
import { L1Timing } from './l1-timing.ts';
import type { Logger } from './logger.ts';
import { pageRoutes } from './pages/page-routes.ts';
import { cacheRoutes } from './routes/cache-routes.ts';
import { probeRoutes } from './routes/probe-routes.ts';
import { resourceRoutes } from './routes/resource-routes.ts';
import { tokenHolders } from './token-holders.ts';

/** What a running service consists of. Disposing of it closes everything, the youngest first. */
export interface ServiceContext extends AsyncDisposable {
  readonly app: Elysia;
  readonly cache: TieredCache;
  readonly database: Database;
}

/** A schema of the cached values: raised when a resource's answer changes its shape, so that no old bytes are read. */
const VALUES_VERSION = 1;

/** Builds the service. What was opened is closed again if a later part fails. */
export async function createContext(
  config: Config,
  resources: readonly Resource[],
  log: Logger,
): Promise<ServiceContext> {
  await using opened = new AsyncDisposableStack();
  const database = await openDatabase({ url: config.database.url, pool: config.database.pool });
  opened.defer(() => database.close());
  await prepareDatabase(database, config, log);

  const cache = catalogCache(config, log);
  opened.use(cache);
  // Never detached: the last reading is taken when telemetry is flushed, after the cache has closed.
  if (config.telemetry.exporting) instrument(cache);
  // Without a second tier: what is known of tokens stays in this process.
  const holders = createCache({ name: 'tokens', l1: lru({ maxEntries: 10_000, maxBytes: 16 * 2 ** 20 }) });
  opened.use(holders);

  const { sql } = database;
  const { mode: auth, admin, viewer } = config.auth;
  const tokens = { adminToken: tokenOf(admin), viewerToken: tokenOf(viewer) };
  announceTokens(config, tokens, log);
  const access = new Access({ auth, ...tokens, findHolder: tokenHolders(sql, holders) });
  const l1Timing = new L1Timing();
  const services = { cache, sql, access, l1Timing, cacheDisabled: config.cache.disabled, ttlMs: config.cache.ttlMs };
  const api = [
    ...resources.flatMap((resource) => resourceRoutes(resource, services)),
    ...cacheRoutes({ cache, sql, access, l1Timing }),
    ...probeRoutes(sql),
  ];
  const app = createApp([...api, ...pageRoutes(resources, api, manifest.version)], {
    traced: config.telemetry.exporting,
    onUnexpected: (error) => log.error({ event: 'request_failed', err: error }, 'A request failed'),
  });

  const owned = opened.move();
  return { app, cache, database, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function prepareDatabase({ sql, embedded }: Database, config: Config, log: Logger): Promise<void> {
  // The embedded database has set itself up.
  if (embedded) return;
  if (config.database.migrate === 'auto') {
    await migrate(sql, { log: (line) => log.info({ event: 'database_migrated' }, line) });
    return;
  }
  const pending = await pendingMigrations(sql);
  if (pending.length > 0) throw new Error(`MIGRATE=off, and these migrations are pending: ${pending.join(', ')}`);
}

function catalogCache(config: Config, log: Logger): TieredCache {
  const { l1, maxLagMs, namespace } = config.cache;
  if (config.redis === undefined)
    log.info({ event: 'no_redis' }, 'REDIS_URL is not set: no L2 and no bus, each instance is on its own');
  return createCache({
    name: 'catalog',
    version: VALUES_VERSION,
    l1: lru({ maxBytes: l1.maxBytes, maxEntries: l1.maxEntries }),
    maxLag: maxLagMs,
    defaults: { l1Ttl: l1.ttlMs, ...(config.redis && { l2Timeout: config.redis.timeoutMs }) },
    observers: [eventsToLog(log)],
    ...(config.redis &&
      redis(config.redis.url, {
        namespace,
        connectTimeout: config.redis.connectTimeoutMs,
        connections: config.redis.connections,
      })),
  });
}

interface OperatorTokens {
  readonly adminToken: string | undefined;
  readonly viewerToken: string | undefined;
}

const TOKEN_BYTES = 32;

function tokenOf(token: StaticToken): string | undefined {
  switch (token.kind) {
    case 'given':
      return token.value;
    case 'generate':
      return randomBytes(TOKEN_BYTES).toString('base64url');
    case 'off':
      return undefined;
  }
}

/** Tokens that this process made up are said once: nobody could know them otherwise, and they end with it. */
function announceTokens({ auth }: Config, { adminToken, viewerToken }: OperatorTokens, log: Logger): void {
  const made = {
    ...(auth.admin.kind === 'generate' && { adminToken }),
    ...(auth.viewer.kind === 'generate' && { viewerToken }),
  };
  if (Object.keys(made).length > 0) log.info({ event: 'tokens_generated', ...made }, 'Tokens for this run alone');
}
