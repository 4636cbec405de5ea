import { join } from 'node:path';
import postgres from 'postgres';
import { makeCatalogEnvironment } from '../../tests/integration/support/catalog-environment.ts';
import { productPath } from '../../tests/integration/support/catalog-requests.ts';
import { startPostgres } from '../../tests/support/postgres-server.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../tests/support/redis-server.ts';
import { startService } from '../../tests/support/service-process.ts';
import { startSubject } from '../load/subject-process.ts';
import type { Asked } from './rounds.ts';

/** Opens every route of a service that asks for a token. */
export const TOKEN = 'a-token-that-is-at-least-32-characters';

/** The path that every client asks for. */
export const PATH = productPath(1);

/** The products of the sample catalog; {@link Stage.grow} adds others. */
export const SEEDED = 1_000;

/** A busy machine delays Redis. The benchmark measures the cost of a tier, not the moment at which it is given up. */
const PATIENT = { REDIS_TIMEOUT_MS: '2000' };

/** The answer of the service to one question, which the other subjects have to repeat. */
export interface Sample {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Holds real servers, and subjects over them. All end with it. */
export class Stage implements AsyncDisposable {
  readonly #owner = new AsyncDisposableStack();
  readonly #env: Readonly<Record<string, string>>;
  readonly redis: RedisServer;
  readonly databaseUrl: string;

  private constructor(redis: RedisServer, env: Readonly<Record<string, string>>, databaseUrl: string) {
    this.redis = redis;
    this.#env = env;
    this.databaseUrl = databaseUrl;
  }

  static async set(): Promise<Stage> {
    const [redis, server] = await Promise.all([startRedis(), startPostgres()]);
    const catalog = await makeCatalogEnvironment({ redis: redis.url, postgres: server.url });
    const stage = new Stage(redis, catalog.env, catalog.database.url);
    for (const part of [redis, server, catalog]) stage.#owner.use(part);
    return stage;
  }

  /** Starts the service, with a namespace of its own in Redis and the product in its L1. */
  async service(name: string, env: Readonly<Record<string, string>> = {}): Promise<Asked> {
    const service = this.#owner.use(await startService({ ...this.environment(), ...env }));
    await (await fetch(service.url + PATH, { headers: { authorization: `Bearer ${TOKEN}` } })).text();
    return { name, url: service.url, pid: service.pid, paths: [PATH] };
  }

  /** Makes the environment of a service over these servers, with a namespace of its own in Redis. */
  environment(): Record<string, string> {
    const own = { CACHE_NAMESPACE: uniqueNamespace('bench'), CACHE_L1_TTL_MS: '3600000', ADMIN_TOKEN: TOKEN };
    return { ...this.#env, ...PATIENT, ...own };
  }

  /** Starts a server of `bench/http/subjects/`. */
  async subject(name: string, script: string, ...args: readonly string[]): Promise<Asked> {
    const { url, pid } = this.#owner.use(await startSubject(join(import.meta.dir, 'subjects', script), args));
    return { name, url, pid, paths: [PATH] };
  }

  /** Starts a collector that takes spans and ignores them. */
  collector(): string {
    const sink = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({}) });
    this.#owner.defer(() => sink.stop(true));
    return sink.url.origin;
  }

  /**
   * Adds products to org 1 that no client has asked for. The role `replica` skips the checks of foreign keys. The
   * triggers of the catalog fire all the same.
   */
  async grow(products: number): Promise<void> {
    const sql = postgres(this.databaseUrl, { max: 1, onnotice: () => {} });
    try {
      await sql.begin(async (transaction) => {
        await transaction`set local session_replication_role = replica`;
        await transaction`
          insert into products (id, org_id, sku, name, price, unit, version)
          select id, 1, 'BENCH-' || id, 'Product ' || id, 1.01, 'each', id
          from generate_series(${SEEDED + 1}::bigint, ${SEEDED + products}::bigint) as id`;
      });
      await sql`analyze products`;
    } finally {
      await sql.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owner.disposeAsync();
  }
}

/** Asks a subject, and returns its answer with the headers of all its answers. */
export async function sampleOf({ url }: Asked, headers: Readonly<Record<string, string>> = {}): Promise<Sample> {
  // It asks twice: the first answer reports another time than later ones.
  await (await fetch(url + PATH, { headers })).text();
  const answer = await fetch(url + PATH, { headers });
  // The server adds these headers to every answer by itself.
  const { date: _, 'content-length': __, ...own } = Object.fromEntries(answer.headers);
  return { status: answer.status, headers: own, body: await answer.text() };
}
