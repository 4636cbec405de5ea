import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Database, openDatabase } from '../../src/catalog/database.ts';
import { MigrationChangedError, migrate, pendingMigrations } from '../../src/catalog/migrate.ts';
import { until } from '../../src/testing/until.ts';
import { spawnChild } from '../support/child.ts';
import { createDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const CATALOG = ['001-catalog', '002-versions', '003-access', '004-dashboard', '005-token-expiry', 'outbox-4'];

let store: TestDatabase;
let database: Database;
let folder: string;

beforeEach(async () => {
  store = await createDatabase();
  database = await openDatabase({ url: store.url });
  folder = await mkdtemp(join(tmpdir(), 'tiercel-migrations-'));
});

afterEach(async () => {
  await database.close();
  await store.drop();
  await rm(folder, { recursive: true });
});

const write = (name: string, text: string) => Bun.write(join(folder, name), text);
const own = () => ({ folder: pathToFileURL(`${folder}/`) });

describe('migrate', () => {
  test('applies everything once, in order, and says so', async () => {
    const lines: string[] = [];
    expect(await pendingMigrations(database.sql)).toEqual(CATALOG);
    expect(await migrate(database.sql, { log: (line) => lines.push(line) })).toEqual(CATALOG);
    expect(lines).toEqual(CATALOG.map((id) => `applied migration ${id}`));
    expect(await migrate(database.sql)).toEqual([]);
    expect(await pendingMigrations(database.sql)).toEqual([]);
  });

  test('looking at what is pending changes nothing', async () => {
    await pendingMigrations(database.sql);
    const tables = await database.sql`select from pg_tables where schemaname = 'public'`;
    expect(tables).toHaveLength(0);
  });

  test('two processes at once: the second waits and finds the work done', async () => {
    // A migration that is still running holds the lock, as any migration does.
    const holder = database.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${0x7469_6572})`;
      const children = [1, 2].map((n) =>
        spawnChild({
          name: `migration ${n}`,
          command: [process.execPath, 'src/service/scripts/db-migrate.ts'],
          env: { ...process.env, DATABASE_URL: store.url },
        }),
      );
      const waiting = () => database.sql`
        select from pg_locks join pg_database on pg_database.oid = database
        where locktype = 'advisory' and not granted and datname = current_database()`;
      await until(async () => (await waiting()).length === 2, {
        within: 15_000,
        what: 'both processes to want the lock',
      });
      return { children };
    });
    const { children } = await holder;

    expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0]);
    const output = children.map((child) => child.output()).join('');
    for (const id of CATALOG) expect(output.split(`applied migration ${id}`)).toHaveLength(2);
    expect(await pendingMigrations(database.sql)).toEqual([]);
  });

  test('a migration that fails leaves no trace, and those before it stay', async () => {
    await write('001-good.sql', 'create table good ()');
    await write('002-bad.sql', 'create table half (); select 1 / 0');
    const error = await migrate(database.sql, own()).catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: '22012' });
    const [tables] =
      await database.sql`select to_regclass('good') is not null as good, to_regclass('half') is not null as half`;
    expect(tables).toEqual({ good: true, half: false });
    expect(await pendingMigrations(database.sql, own())).toEqual(['002-bad']);
  });

  test('a changed migration is refused by name before anything is applied', async () => {
    await write('001-first.sql', 'create table first ()');
    await migrate(database.sql, own());
    await write('001-first.sql', 'create table first (id int)');
    await write('002-second.sql', 'create table second ()');

    const error = await migrate(database.sql, own()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(MigrationChangedError);
    expect(error).toMatchObject({ code: 'MIGRATION_CHANGED', migration: '001-first' });
    expect(await pendingMigrations(database.sql, own()).catch((reason: Error) => reason.name)).toBe(
      'MigrationChangedError',
    );
    const [row] = await database.sql`select to_regclass('second') as made`;
    expect(row?.made).toBeNull();
  });

  test('line ends of a checkout are no change; migrations of a newer build are left alone', async () => {
    await write('001-first.sql', 'create table first ();\nselect 1;\n');
    await write('002-newer.sql', 'create table newer ()');
    await migrate(database.sql, own());
    await write('001-first.sql', 'create table first ();\r\nselect 1;\r\n');
    await rm(join(folder, '002-newer.sql'));
    expect(await migrate(database.sql, own())).toEqual([]);
  });
});
