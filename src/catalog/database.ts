import postgres from 'postgres';
import { clientSettings } from './client.ts';
import { type EmbeddedServer, startEmbedded } from './embedded.ts';
import { type Log, migrate } from './migrate.ts';
import { seed } from './seed.ts';
import type { Sql } from './sql.ts';

/** Which database to use, and how much of it. */
export interface DatabaseOptions {
  /** `postgres://…`; left out, an embedded PGlite in memory with the sample catalog. */
  readonly url?: string | undefined;
  /** Most connections; the embedded database always has one. Default 10. */
  readonly pool?: number;
  /** What `pg_stat_activity` calls us. Default `tiercel`. */
  readonly applicationName?: string;
  /** Told what the embedded database's set-up did. Default: nobody. */
  readonly log?: Log;
}

/** An open database. Whoever opened it closes it. */
export interface Database {
  /** The pool. `bigint` and `numeric` columns arrive as numbers; a `bigint` beyond 2⁵³−1 rejects its query. */
  readonly sql: Sql;
  /** Whether it lives in this process: one connection, no notifications, gone on close. */
  readonly embedded: boolean;
  /** Lets running queries finish for at most two seconds, then closes what is left. */
  close(): Promise<void>;
}

/** Short: whoever closes has finished its work, and the client would wait in vain for connections it once lost. */
const CLOSE_TIMEOUT_SECONDS = 2;

/**
 * Opens the database. A server is not contacted before the first query; the embedded one is started, migrated and seeded.
 */
export async function openDatabase(options: DatabaseOptions = {}): Promise<Database> {
  const { url, pool = 10, applicationName = 'tiercel' } = options;
  if (url === undefined) return openEmbedded(applicationName, options.log);
  const sql = postgres(url, clientSettings(pool, applicationName));
  return { sql, embedded: false, close: () => sql.end({ timeout: CLOSE_TIMEOUT_SECONDS }) };
}

async function openEmbedded(applicationName: string, log: Log | undefined): Promise<Database> {
  const server = await startEmbedded();
  // One connection: all sockets of PGlite share one backend, where the transactions of two connections would mix.
  // It is kept: there is nothing to gain from closing it when idle.
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
    await seed(sql, { log });
  } catch (error) {
    await close();
    throw error;
  }
  return { sql, embedded: true, close };
}

/** Clients before their server: the other way round, the client would take the end for a failure and reconnect. */
async function closeEmbedded(sql: Sql, server: EmbeddedServer): Promise<void> {
  try {
    await sql.end({ timeout: CLOSE_TIMEOUT_SECONDS });
  } finally {
    await server.stop();
  }
}
