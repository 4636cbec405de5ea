import { type ChangedTable, dropOutboxSql, outboxSql } from '../../src/adapters/postgres/index.ts';
import { type Database, openDatabase } from '../../src/catalog/database.ts';
import type { Queryable } from '../../src/catalog/sql.ts';
import { createDatabase } from '../support/postgres-server.ts';

export { PATIENCE } from './catalog-databases.ts';

/** A row of the outbox, its names in alphabetical order. */
export interface Written {
  readonly keys: readonly string[];
  readonly tags: readonly string[];
}

/** A database for the tables of one test file; closing it drops it. */
export interface OutboxDatabase extends Database {
  /** How it is reached by other roles; `undefined` for the embedded one, which has only one. */
  readonly url: string | undefined;
}

/** Both databases that the outbox lives in: every statement must say the same in either. */
export const OUTBOXES = [
  ['PostgreSQL', openOnPostgres],
  ['PGlite', openOnPglite],
] as const;

/** An empty database on the shared PostgreSQL. */
export async function openOnPostgres(): Promise<OutboxDatabase> {
  const store = await createDatabase();
  const database = await openDatabase({ url: store.url });
  const close = async () => {
    await database.close();
    await store.drop();
  };
  return { ...database, url: store.url, close };
}

/** PGlite with the catalog in it, but without the catalog's outbox. */
async function openOnPglite(): Promise<OutboxDatabase> {
  const database = await openDatabase();
  await database.sql.unsafe(dropOutboxSql());
  return { ...database, url: undefined };
}

/** Makes tables and the outbox that watches them. */
export async function install(sql: Queryable, tables: string, watched: readonly ChangedTable[]): Promise<void> {
  await sql.unsafe(tables);
  await sql.unsafe(outboxSql(watched));
}

/** What was committed to the outbox since it was last asked, in the order in which it was written. */
export async function written(sql: Queryable): Promise<Written[]> {
  const rows = await sql<{ keys: string[]; tags: string[] }[]>`
    with taken as (delete from tiercel_outbox returning *) select to_json(keys) as keys, to_json(tags) as tags from taken order by id`;
  return rows.map(({ keys, tags }) => ({ keys: keys.sort(), tags: tags.sort() }));
}

/** What one statement writes, sent as psql would send it. */
export async function writtenBy(sql: Queryable, statement: string): Promise<Written[]> {
  await written(sql);
  await sql.unsafe(statement);
  return written(sql);
}
