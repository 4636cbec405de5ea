import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import postgres, { type Sql } from 'postgres';
import { SESSION_NAME, WRITER_NAME } from '../../src/adapters/postgres/own-session.ts';
import { until } from '../../src/testing/until.ts';
import { makeCatalogEnvironment } from '../integration/support/catalog-environment.ts';
import { type PostgresSights, postgresWire } from '../support/postgres-wire.ts';
import type { Observers, ProxyConnection } from '../support/proxy-connection.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startService } from '../support/service-process.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { labelling, type Member } from './fleet.ts';

/** An instance of the service with a link of its own to each of its servers. */
export interface RelayMember extends Member {
  /** Between it and PostgreSQL; its connections are labelled with the names of their sessions. */
  readonly database: TcpProxy;
  /** Whether a process of PostgreSQL's serves this instance. */
  isServedBy(backend: number): boolean;
}

/** What a test may look at while it passes, before it goes on. */
export interface Sights {
  readonly redis?: Observers['onClientData'];
  readonly postgres?: PostgresSights;
}

/** Instances of which one relays what others commit. The Redis is their own, the database too. */
export interface RelayFleet {
  readonly members: readonly RelayMember[];
  readonly redis: RedisServer;
  /** Straight to Redis. */
  readonly admin: Redis;
  /** Straight to the database, like any program that knows nothing of the cache. */
  readonly psql: Sql;
  readonly databaseUrl: string;
  readonly namespace: string;
  /** The bound D. */
  readonly maxLagMs: number;
  /** Starts one more; whoever asks for it ends it. */
  start(name: string, sights?: Sights): Promise<RelayMember>;
}

export interface RelayFleetOptions {
  /** How many run from the beginning; 2 by default. */
  readonly instances?: number;
  /** URL of a PostgreSQL server; by default the one that all test files share. */
  readonly postgres?: string;
}

const MAX_LAG_MS = 1_500;
/** The first number of every relay's advisory lock. */
const LOCK = 0x7469_6572;

/** Selects an instance's own sessions: one leads and listens, the other writes orders down and marks them. */
export const isOwnSession = ({ label }: ProxyConnection): boolean => label === SESSION_NAME || label === WRITER_NAME;

/** Selects the connections of its pool. */
export const isPool = (connection: ProxyConnection): boolean => !isOwnSession(connection);

/** Starts everything; `owner` ends it. */
export async function startRelayFleet(
  owner: AsyncDisposableStack,
  { instances = 2, postgres: server }: RelayFleetOptions = {},
): Promise<RelayFleet> {
  const redis = owner.use(await startRedis());
  const catalog = owner.use(
    await makeCatalogEnvironment({ redis: redis.url, ...(server !== undefined && { postgres: server }) }),
  );
  const databaseUrl = catalog.database.url;
  const psql = postgres(databaseUrl, { max: 4, onnotice: () => {}, backoff: () => 0.05 });
  owner.defer(() => psql.end({ timeout: 1 }));
  const admin = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  // It is away whenever Redis is, and comes back by itself.
  admin.on('error', () => {});
  owner.defer(() => admin.disconnect());

  const token = randomBytes(24).toString('hex');
  const env = { ...catalog.env, CACHE_MAX_LAG_MS: String(MAX_LAG_MS), VIEWER_TOKEN: token };
  const start: RelayFleet['start'] = async (name, sights = {}) => {
    const label = labelling();
    const wire = postgresWire(sights.postgres);
    const link = owner.use(
      await startProxy({
        target: redis.url,
        onClientData(connection, bytes) {
          label.onClientData?.(connection, bytes);
          sights.redis?.(connection, bytes);
        },
      }),
    );
    const database = owner.use(await startProxy({ target: databaseUrl, ...wire.observers }));
    const service = owner.use(
      await startService({ ...env, REDIS_URL: link.through(redis.url), DATABASE_URL: database.through(databaseUrl) }),
    );
    return {
      name,
      service,
      link,
      database,
      operator: { authorization: `Bearer ${token}` },
      isServedBy: (backend) => database.connections.some((connection) => wire.backend(connection) === backend),
    };
  };
  const members = await Promise.all(
    Array.from({ length: instances }, (_, index) => start(String.fromCharCode('a'.charCodeAt(0) + index))),
  );
  return {
    members,
    redis,
    admin,
    psql,
    databaseUrl,
    namespace: catalog.env.CACHE_NAMESPACE,
    maxLagMs: MAX_LAG_MS,
    start,
  };
}

/** The server processes that hold the lock of the one who leads: one, or none for a moment. */
export async function leadersIn(psql: Sql): Promise<number[]> {
  const rows = await psql<{ pid: number }[]>`
    select pid from pg_locks join pg_database on pg_database.oid = database
    where locktype = 'advisory' and granted and classid = ${LOCK} and datname = current_database()`;
  return rows.map(({ pid }) => pid);
}

/** Who of these leads; `undefined` while nobody does, or somebody else. */
export async function leaderAmong<M extends Pick<RelayMember, 'isServedBy'>>(
  members: readonly M[],
  psql: Sql,
): Promise<M | undefined> {
  const leaders = await leadersIn(psql);
  return members.find((member) => leaders.some((backend) => member.isServedBy(backend)));
}

/** Takes the lead from whoever has it until this one has it. */
export async function makeLeader(member: RelayMember, psql: Sql): Promise<void> {
  const leads = async (): Promise<boolean> => {
    const others = (await leadersIn(psql)).filter((backend) => !member.isServedBy(backend));
    for (const backend of others) await psql`select pg_terminate_backend(${backend})`;
    return others.length === 0 && (await leaderAmong([member], psql)) !== undefined;
  };
  await until(leads, { what: `${member.name} to lead`, within: 20_000, every: 50 });
}
