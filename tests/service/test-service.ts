import { catalogResources } from '../../src/catalog/resources/index.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { loadConfig } from '../../src/service/config/load-config.ts';
import { createContext, type ServiceContext } from '../../src/service/create-service.ts';
import { listen } from '../../src/service/http/server.ts';
import { createLogger } from '../../src/service/logging/logger.ts';
import { createCatalogDatabase } from '../support/catalog-database.ts';
import type { TestDatabase } from '../support/postgres-server.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

/** A line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A service that listens, in this process. */
export interface TestService extends AsyncDisposable {
  readonly url: string;
  readonly context: ServiceContext;
  /** Everything logged so far. */
  readonly log: readonly LogLine[];
  /** Asks for a path under `/api/v1`. */
  api(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON to a path under `/api/v1`. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** Starts the service as its environment says; on a free port, and in the test profile. */
export async function startService(
  env: Readonly<Record<string, string>>,
  resources: readonly Resource[] = catalogResources,
): Promise<TestService> {
  const groups = resources.map((resource) => resource.group);
  const config = loadConfig({ PORT: '0', ...env }, { isTerminal: false, groups });
  const log: LogLine[] = [];
  const logger = await createLogger(config.log, { write: (line: string) => void log.push(JSON.parse(line)) });
  // All requests of a test come from one address, so a test that is about addresses says which one it stands for.
  const addressOf = ({ headers }: Request) => headers.get('x-test-address') ?? undefined;
  const context = await createContext(config, resources, logger, { addressOf });
  const server = listen(context.app, config.http);
  await context.cache.ready();
  const api = (path: string, init?: RequestInit) => fetch(`${server.url}/api/v1${path}`, init);
  return {
    url: server.url,
    context,
    log,
    api,
    send: (method, path, body, headers) =>
      api(path, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await context[Symbol.asyncDispose]();
    },
  };
}

/** A database with the sample catalog, and the environment of services that share it and a part of Redis. */
export interface Surroundings extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  readonly database: TestDatabase;
}

/**
 * Makes {@link Surroundings} without tokens.
 * @param postgresUrl Default: the server that all tests share.
 */
export async function makeSurroundings(postgresUrl?: string): Promise<Surroundings> {
  const database = await createCatalogDatabase(postgresUrl);
  return {
    database,
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: await sharedRedis(),
      CACHE_NAMESPACE: uniqueNamespace('service'),
      TIERCEL_PROFILE: 'test',
      AUTH: 'none',
    },
    [Symbol.asyncDispose]: () => database.drop(),
  };
}

/** The headers that say where an answer came from, and its status. */
export function provenance(response: Response) {
  return {
    status: response.status,
    tier: response.headers.get('x-cache-tier'),
    cacheStatus: response.headers.get('cache-status')?.replace(/ttl=\d+/g, 'ttl=N') ?? null,
  };
}
