import postgres from 'postgres';
import { clientSettings } from './client.ts';
import { type EmbeddedServer, startEmbedded } from './embedded.ts';
import { type Log, migrate } from './migrate.ts';
import { seed } from './seed.ts';
import type { Sql } from './sql.ts';

/** Options of {@link openDatabase}. */
export interface DatabaseOptions {
  /** `postgres://…`. Default: an embedded PGlite in memory with the sample catalog. */
  readonly url?: string | undefined;
  /** The most connections; the embedded database always has one. Default 10. */
  readonly pool?: number;
  /** The name of these connections in `pg_stat_activity`. Default `tiercel`. */
  readonly applicationName?: string;
  /** Receives the lines of the embedded database's set-up. Default: the lines are dropped. */
  readonly log?: Log;
  /** Ends the start of the embedded database. Default: nothing ends it early. */
  readonly signal?: AbortSignal | undefined;
}

/** An open database. Its opener closes it. */
export interface Database {
  /** The pool. `bigint` and `numeric` columns arrive as numbers. A `bigint` beyond 2⁵³−1 rejects its query. */
  readonly sql: Sql;
  /** True if the database lives in this process: one connection, no notifications, gone on close. */
  readonly embedded: boolean;
  /** Lets running queries finish for at most two seconds, then closes the connections that are left. */
  close(): Promise<void>;
}

/**
 * The timeout is short. The closer has finished its work, and the client would wait in vain for connections that it
 * lost.
 */
const CLOSE_TIMEOUT_SECONDS = 2;

/**
 * Opens the database. A server is not contacted before the first query. The embedded database is started, migrated and
 * seeded.
 */
export async function openDatabase(options: DatabaseOptions = {}): Promise<Database> {
  const { url, pool = 10, applicationName = 'tiercel' } = options;
  if (url === undefined) return openEmbedded(applicationName, options);
  const sql = postgres(url, clientSettings(pool, applicationName));
  return { sql, embedded: false, close: () => sql.end({ timeout: CLOSE_TIMEOUT_SECONDS }) };
}

async function openEmbedded(applicationName: string, { log, signal }: DatabaseOptions): Promise<Database> {
  const server = await startEmbedded(signal);
  // The embedded database gets one connection. All sockets of PGlite share one backend, where the transactions of two
  // connections would mix. The connection stays open when idle, since closing it would gain nothing.
  const settings = {
    ...clientSettings(1, applicationName),
    ...server.connection,
    idle_timeout: undefined,
    max_lifetime: null,
  };
  const sql = postgres(settings);
  const close = () => closeEmbedded(sql, server);
  try {
    await migrate(sql, { log });
    signal?.throwIfAborted();
    await seed(sql, { log });
  } catch (error) {
    await close();
    throw error;
  }
  return { sql, embedded: true, close };
}

/**
 * Closes the clients before their server. The other way round, the client would take the end for a failure and
 * reconnect.
 */
async function closeEmbedded(sql: Sql, server: EmbeddedServer): Promise<void> {
  try {
    await sql.end({ timeout: CLOSE_TIMEOUT_SECONDS });
  } finally {
    await server.stop();
  }
}
