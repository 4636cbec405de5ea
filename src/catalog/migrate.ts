import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { outboxMigration } from './outbox.ts';
import { inTransaction, type Queryable, type Sql } from './sql.ts';

/** Receives one line for each step that was done. */
export type Log = (line: string) => void;

/** Options of {@link migrate} and {@link pendingMigrations}. */
export interface MigrateOptions {
  readonly log?: Log | undefined;
  /**
   * The folder that holds the migrations, `NNN-name.sql`, applied in the order of their names. Default: the catalog's.
   */
  readonly folder?: URL;
}

interface Migration {
  readonly id: string;
  readonly text: string;
  readonly checksum: string;
}

/** A migration differs from the text that was applied under its name. Restore it, and add a new migration instead. */
export class MigrationChangedError extends Error {
  override readonly name = 'MigrationChangedError';
  readonly code = 'MIGRATION_CHANGED';
  readonly migration: string;
  constructor(migration: string) {
    super(
      `Migration ${migration} differs from the text that was applied to this database under that name; restore it and add a new one`,
    );
    this.migration = migration;
  }
}

const CATALOG = new URL('./migrations/', import.meta.url);

/** "tiercel" as a number. Any constant would do, provided every version of the service takes the same. */
const ADVISORY_LOCK = 0x7469_6572;

/**
 * Applies the pending migrations, each in a transaction of its own.
 *
 * Any number of processes may call it at once: the transaction holds an advisory lock, and the second process finds the
 * work done. Migrations that the database knows and this build does not are left alone, so that an older build can
 * start beside a newer one.
 * @returns the names that this call applied, in order.
 * @throws {@link MigrationChangedError} before anything is applied.
 */
export async function migrate(sql: Sql, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = await allMigrations(options);
  unapplied(migrations, await appliedMigrations(sql));
  const applied: string[] = [];
  for (const migration of migrations) {
    if (!(await inTransaction(sql, (tx) => applyOnce(tx, migration)))) continue;
    applied.push(migration.id);
    options.log?.(`applied migration ${migration.id}`);
  }
  return applied;
}

/**
 * Lists the names of the migrations that `migrate` would apply. It changes nothing.
 * @throws {@link MigrationChangedError}
 */
export async function pendingMigrations(sql: Queryable, options: MigrateOptions = {}): Promise<string[]> {
  const migrations = await allMigrations(options);
  return unapplied(migrations, await appliedMigrations(sql)).map((migration) => migration.id);
}

async function applyOnce(tx: Queryable, migration: Migration): Promise<boolean> {
  // A long wait for another process's migration, or for a large table, must not end in a timeout.
  await tx`set local statement_timeout = 0`;
  await tx`select pg_advisory_xact_lock(${ADVISORY_LOCK})`;
  await tx`create table if not exists tiercel_migrations (
    id text primary key, checksum text not null, applied_at timestamptz not null default now())`;
  if (unapplied([migration], await appliedMigrations(tx)).length === 0) return false;
  await tx.unsafe(migration.text);
  await tx`insert into tiercel_migrations (id, checksum) values (${migration.id}, ${migration.checksum})`;
  return true;
}

function unapplied(migrations: readonly Migration[], applied: ReadonlyMap<string, string>): Migration[] {
  const changed = migrations.find(({ id, checksum }) => applied.has(id) && applied.get(id) !== checksum);
  if (changed !== undefined) throw new MigrationChangedError(changed.id);
  return migrations.filter(({ id }) => !applied.has(id));
}

async function appliedMigrations(sql: Queryable): Promise<ReadonlyMap<string, string>> {
  const [table] = await sql<{ present: boolean }[]>`select to_regclass('tiercel_migrations') is not null as present`;
  if (table?.present !== true) return new Map();
  const rows = await sql<{ id: string; checksum: string }[]>`select id, checksum from tiercel_migrations`;
  return new Map(rows.map((row) => [row.id, row.checksum]));
}

async function allMigrations({ folder }: MigrateOptions): Promise<Migration[]> {
  if (folder !== undefined) return readMigrations(folder);
  // The generated migration follows those that are written by hand.
  const { id, text } = outboxMigration();
  return [...(await readMigrations(CATALOG)), migrationOf(id, text)];
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{3}-[a-z0-9-]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      // A checkout may change the line ends, which makes no other migration.
      const text = (await readFile(new URL(name, folder), 'utf8')).replaceAll('\r\n', '\n');
      return migrationOf(name.replace(/\.sql$/, ''), text);
    }),
  );
}

function migrationOf(id: string, text: string): Migration {
  return { id, text, checksum: createHash('sha256').update(text).digest('hex') };
}
