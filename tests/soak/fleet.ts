import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import postgres, { type Sql } from 'postgres';
import { makeCatalogEnvironment } from '../integration/support/catalog-environment.ts';
import type { Observers, ProxyConnection } from '../support/proxy-connection.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { RespRequests } from '../support/resp.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** One instance of the service, with its own link to Redis. */
export interface Member {
  /** `a`, `b`, … */
  readonly name: string;
  readonly service: ServiceProcess;
  /** Between it and Redis; its connections are labelled `bus` and `data`. */
  readonly link: TcpProxy;
  /** Headers of a request that asks about the cache itself. */
  readonly operator: Readonly<Record<string, string>>;
}

/** Instances over one database and one Redis, all of them the fleet's own, to be faulted at will. */
export interface Fleet {
  readonly members: readonly Member[];
  readonly redis: RedisServer;
  /** Straight to Redis, for what an operator might do to it. */
  readonly admin: Redis;
  /** Straight to the database, which knows the truth. */
  readonly sql: Sql;
  /** Begins the name of every key and channel of the fleet. */
  readonly namespace: string;
  /** The bound D. */
  readonly maxLagMs: number;
}

export interface FleetOptions {
  /** 3 by default. */
  readonly instances?: number;
  /** The bound D; 1,500 by default. */
  readonly maxLagMs?: number;
  /** URL of a PostgreSQL server; by default the one that all test files share. */
  readonly postgres?: string;
}

/** Small, so that a subscriber that does not read is soon dropped. */
const REDIS_CONFIG = { 'client-output-buffer-limit': 'pubsub 1mb 512kb 2' };

/** Short lives for some keys, so that stale values and refreshes take part; long ones for others, so that a wrong value stays. */
const TTLS = { CACHE_TTL_BOM: '2s', CACHE_TTL_LP: '5s' };

/** Starts everything; `owner` ends it. */
export async function startFleet(owner: AsyncDisposableStack, options: FleetOptions = {}): Promise<Fleet> {
  const { instances = 3, maxLagMs = 1_500 } = options;
  const redis = owner.use(await startRedis({ config: REDIS_CONFIG }));
  const catalog = owner.use(
    await makeCatalogEnvironment({
      redis: redis.url,
      ...(options.postgres !== undefined && { postgres: options.postgres }),
    }),
  );
  const sql = postgres(catalog.database.url, { max: 1, onnotice: () => {} });
  owner.defer(() => sql.end());
  const admin = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  // It is away whenever Redis is, and comes back by itself.
  admin.on('error', () => {});
  owner.defer(() => admin.disconnect());

  const token = randomBytes(24).toString('hex');
  const env = { ...catalog.env, ...TTLS, CACHE_MAX_LAG_MS: String(maxLagMs), VIEWER_TOKEN: token };
  const members = await Promise.all(
    Array.from({ length: instances }, async (_, index): Promise<Member> => {
      const link = owner.use(await startProxy({ target: redis.url, ...labelling() }));
      const service = owner.use(await startService({ ...env, REDIS_URL: link.through(redis.url) }));
      const name = String.fromCharCode('a'.charCodeAt(0) + index);
      return { name, service, link, operator: { authorization: `Bearer ${token}` } };
    }),
  );
  return { members, redis, admin, sql, namespace: catalog.env.CACHE_NAMESPACE, maxLagMs };
}

/** Undoes whatever a fault has left, and waits until Redis answers. */
export async function healFleet({ members, redis, admin }: Fleet): Promise<void> {
  redis.resume();
  for (const { service, link } of members) {
    service.resume();
    await link.heal();
  }
  await admin.ping();
}

/** What is wrong with how a service has ended: another status than 0, errors in its log, words beside it. */
export async function endOf({ name, service }: Pick<Member, 'name' | 'service'>): Promise<string[]> {
  const status = await service.stop();
  const errors = service.logs.filter(
    ({ level, reason }) => (level === 'error' || level === 'fatal') && !isFlood(reason),
  );
  // The first line may be what was left of one when the output became too long to keep.
  const [, ...lines] = service.output().split('\n');
  const stray = lines.filter((line) => line !== '' && !line.startsWith('{'));
  return [
    ...(status === 0 ? [] : [`${name} ended with ${status}`]),
    ...errors.map((line) => `${name} logged ${JSON.stringify(line)}`),
    ...stray.map((line) => `${name} printed ${line}`),
  ];
}

/** The fault "bus overflowing" publishes as a program does that an operator must be told of. */
function isFlood(reason: unknown): boolean {
  return typeof reason === 'string' && reason.includes('another program publishes there');
}

/** Labels connections by the names that the service gives them: `tiercel:<namespace>:bus` and `…:data`. */
export function labelling(): Observers {
  const parsers = new WeakMap<ProxyConnection, RespRequests>();
  return {
    onClientData(connection, bytes) {
      if (connection.label !== '') return;
      const parser = parsers.get(connection) ?? new RespRequests();
      parsers.set(connection, parser);
      const words = parser.feed(bytes).flat();
      connection.label = words.map((word) => /^tiercel:.*:(bus|data)$/.exec(word)?.[1]).find(Boolean) ?? '';
    },
  };
}
