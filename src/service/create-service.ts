import type { Elysia } from 'elysia';
import manifest from '../../package.json' with { type: 'json' };
import { outbox } from '../adapters/postgres/index.ts';
import { type Database, openDatabase } from '../catalog/database.ts';
import { migrate, pendingMigrations } from '../catalog/migrate.ts';
import { findToken } from '../catalog/tokens.ts';
import type { Form } from '../core/model/json-types.ts';
import type { TieredCache } from '../core/tiered-cache.ts';
import type { Resource } from '../resources/resource.ts';
import { instrument } from '../telemetry/index.ts';
import { alertedAnswers, startAlerts } from './alerts/start-alerts.ts';
import { Access, type FindHolder } from './auth/access-control.ts';
import { type MadeTokens, operatorTokens } from './auth/operator-tokens.ts';
import { countRefusals } from './auth/refusal-metrics.ts';
import { RefusedAuth } from './auth/refused-auth.ts';
import { TokenHolders } from './auth/token-holders.ts';
import { createCatalogCache } from './catalog-cache.ts';
import type { Config } from './config/load-config.ts';
import { dashboardsView } from './dashboards/dashboards-view.ts';
import { ViewRefresher } from './dashboards/view-refresher.ts';
import { createApp } from './http/app.ts';
import { hostGuard } from './http/host-guard.ts';
import { pageRoutes } from './http/pages/page-routes.ts';
import { resourceGroups } from './key-groups.ts';
import { adminLog } from './logging/admin-log.ts';
import type { Logger } from './logging/logger.ts';
import { refusalLog } from './logging/refusal-log.ts';
import { adminRoutes } from './routes/admin-routes.ts';
import { cacheRoutes, sourceHealth } from './routes/cache-routes.ts';
import { L1Timing } from './routes/l1-read-time.ts';
import { NewKeys } from './routes/new-keys.ts';
import { probeRoutes } from './routes/probe-routes.ts';
import { resourceRoutes } from './routes/resource-routes.ts';
import { SourceProbe } from './routes/source-probe.ts';
import { WriteLimit } from './routes/write-limit.ts';
import { StartError } from './start-failure.ts';
import { waitForDatabase } from './wait-for-database.ts';
import { AccessCounts } from './warming/read-counts.ts';
import { Warmer, warmConcurrency } from './warming/warmer.ts';

/** The parts of a running service. Its disposal closes all of them, the youngest first. */
export interface ServiceContext extends AsyncDisposable {
  readonly app: Elysia;
  readonly cache: TieredCache<Form>;
  readonly database: Database;
  /** Tokens that the service generated for this run. */
  readonly madeTokens: MadeTokens;
}

/** Returns the address that a request came from; `undefined` if it is not known. */
export type AddressOf = (request: Request, app: Elysia) => string | undefined;

const peerAddress: AddressOf = (request, { server }) => server?.requestIP(request)?.address;

/** Options of {@link createContext}. */
export interface ContextOptions {
  /** Ends the wait for an absent database. Default: nothing ends it early. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the other end of the connection, which is the proxy if there is one. */
  readonly addressOf?: AddressOf;
}

/** Builds the service. If a part fails, it closes the parts that were opened before. */
export async function createContext(
  config: Config,
  resources: readonly Resource[],
  log: Logger,
  { signal, addressOf = peerAddress }: ContextOptions = {},
): Promise<ServiceContext> {
  await using opened = new AsyncDisposableStack();
  const { url, pool, waitMs } = config.database;
  if (url === undefined) {
    const message = 'Starting the embedded database and filling in the sample catalog, which takes some seconds';
    log.info({ event: 'database_starting' }, message);
  }
  const database = await openDatabase({
    url,
    pool,
    signal,
    log: (line) => log.info({ event: 'database_migrated' }, line),
  });
  opened.defer(() => database.close());
  // The embedded database has answered already.
  if (!database.embedded) await waitForDatabase(database.sql, { waitMs, log, signal });
  await prepareDatabase(database, config, log);

  const { sql } = database;
  const changes = outbox(sql, { sole: database.embedded });
  // The service alone writes to the embedded database. Without an L2, there is no other instance that needs the changes.
  const isFollowed = config.redis !== undefined || !database.embedded;
  const groupOf = resourceGroups(resources);
  const cache = createCatalogCache(config, { resources, groupOf, outbox: isFollowed ? changes : undefined, log });
  opened.use(cache);
  // The instruments stay attached: telemetry takes its last reading when it is flushed, after the cache has closed.
  if (config.telemetry.exporting) instrument(cache);
  const lookUp = (token: string, signal: AbortSignal) => findToken(sql, token, signal);
  const refused = new RefusedAuth({ log, addressOf: (request) => addressOf(request, app) });
  const holders = new TokenHolders({
    lookUp,
    catalog: cache,
    isTold: isFollowed,
    graceMs: config.auth.tokenGraceMs,
    assertMayLookUp: (request) => refused.assertMayLookUp(request),
  });
  opened.use(holders);
  const view = new ViewRefresher({ view: dashboardsView(sql), cache, log });
  opened.use(view);
  const answers = alertedAnswers();
  // The embedded database cannot be away, and has only one connection.
  const probeSource = database.embedded ? undefined : async () => (await sourceHealth(sql)).healthy;
  const alerts = startAlerts({ config, cache, answers, probeSource, log });
  opened.use(alerts);

  const accessCounts = new AccessCounts(sql, log);
  opened.use(accessCounts);
  const concurrency = warmConcurrency(config.database);
  const warmer = new Warmer({
    cache,
    resources,
    sql,
    ttlMs: config.cache.ttlMs,
    concurrency,
    recovers: !config.cache.disabled,
    log,
  });
  opened.use(warmer);
  if (config.cache.warmOnStart && !config.cache.disabled) warmer.warmAtStart();

  const { made: madeTokens, ...tokens } = operatorTokens(config.auth, log);
  const findHolder: FindHolder = (...asked) => holders.find(...asked);
  if (config.telemetry.exporting) countRefusals(refused);
  const access = new Access({ auth: config.auth.mode, ...tokens, findHolder, refused });
  const l1Timing = new L1Timing();
  const services = {
    cache,
    sql,
    outbox: changes,
    access,
    writes: new WriteLimit(config.database.pool),
    newKeys: new NewKeys(config.cache.newKeysPerMinute),
    accessCounts,
    l1Timing,
    answers,
    cacheDisabled: config.cache.disabled,
    ttlMs: config.cache.ttlMs,
  };
  const api = [
    ...resources.flatMap((resource) => resourceRoutes(resource, services)),
    ...cacheRoutes({ cache, view, warmer, sql, access, l1Timing, alerts }),
    ...adminRoutes({ cache, view, warmer, access, log: adminLog(log, groupOf) }),
    ...probeRoutes(new SourceProbe(() => sourceHealth(sql)), warmer),
  ];
  const refusals = refusalLog(log);
  const app = createApp([...api, ...pageRoutes(resources, api, manifest.version)], {
    traced: config.telemetry.exporting,
    checkHost: hostGuard(config.http.allowedHosts, refusals.host),
    maxRequests: config.http.maxRequests,
    onOverload: refusals.overload,
    onUnexpected: (error) => log.error({ event: 'request_failed', err: error }, 'A request failed'),
  });

  const owned = opened.move();
  return { app, cache, database, madeTokens, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function prepareDatabase({ sql, embedded }: Database, config: Config, log: Logger): Promise<void> {
  // The embedded database has set itself up.
  if (embedded) return;
  if (config.database.migrate === 'auto') {
    await migrate(sql, { log: (line) => log.info({ event: 'database_migrated' }, line) });
    return;
  }
  const pending = await pendingMigrations(sql);
  if (pending.length > 0) {
    throw new StartError(
      `MIGRATE=off, and these migrations are pending: ${pending.join(', ')}; run \`bun run db:migrate\`, or leave MIGRATE unset.`,
    );
  }
}
