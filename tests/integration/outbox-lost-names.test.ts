import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { type ChangedTable, outbox, outboxSql } from '../../src/adapters/postgres/index.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { OUTBOXES, type OutboxDatabase, PATIENCE, writtenBy } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

/** Roles belong to the whole server, which other test files use too. */
const ROLE = `tiercel_owner_${randomBytes(6).toString('hex')}`;

describe.each(OUTBOXES)('no name is lost without a word on %s', (_, open) => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await open();
  }, PATIENCE);
  afterAll(() => database.close());

  const install = (tables: readonly ChangedTable[]) => database.sql.begin((tx) => tx.unsafe(outboxSql(tables)));
  const version = async (): Promise<number> => {
    const [row] = await database.sql<{ version: number }[]>`
      select current_setting('server_version_num')::int / 10000 as version`;
    return row?.version ?? 0;
  };

  test('a virtual generated column is refused: it is null where triggers look', async () => {
    if ((await version()) < 18) return;
    await database.sql.unsafe(`
      create table wares (
        id int primary key, name text,
        slug text generated always as (lower(name)) virtual,
        stored text generated always as (lower(name)) stored)`);
    const all = ['wares'];
    const refused: readonly ChangedTable[] = [
      { table: 'wares', keys: ['ware:{slug}'], all },
      { table: 'wares', keys: ['ware:{id}'], all, columns: ['slug'] },
    ];
    for (const table of refused)
      expect(install([table])).rejects.toThrow(
        'column "slug" is a virtual generated column, which triggers cannot see',
      );
    const via = 'select id, slug from changed';
    await expect(install([{ table: 'wares', via, keys: ['ware:{slug}'], all }])).rejects.toThrow(
      '"slug" does not exist',
    );
    await install([{ table: 'wares', keys: ['ware:{stored}'], tags: ['all'], all }]);
    expect(await writtenBy(database.sql, `insert into wares values (1, 'Bolt')`)).toEqual([
      { keys: ['ware:bolt'], tags: ['all'] },
    ]);
    await database.sql.unsafe('drop table wares');
  });

  test('a system column is refused: triggers do not see it', async () => {
    await database.sql.unsafe('create table things (id int primary key)');
    await expect(install([{ table: 'things', keys: ['thing:{ctid}'], all: ['things'] }])).rejects.toThrow('ctid');
    await database.sql.unsafe('drop table things');
  });

  test('a joined table whose policies hide rows from the owner is refused; a watched one may have them', async () => {
    await database.sql.unsafe(`
      create role ${ROLE};
      create schema hidden authorization ${ROLE};
      set role ${ROLE};
      create table hidden.orders (id int primary key, shop int);
      create table hidden.lines (order_id int primary key, note text);
      alter table hidden.orders enable row level security;
      alter table hidden.lines enable row level security;
      alter table hidden.lines force row level security;
      create policy everything on hidden.lines using (true);
      reset role`);
    const lines: ChangedTable = {
      table: 'lines',
      via: 'select o.shop from changed join hidden.orders o on o.id = changed.order_id',
      keys: ['shop:{shop}'],
      all: ['shops'],
    };
    const installAsOwner = () =>
      database.sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${ROLE}; set local search_path = hidden`);
        await tx.unsafe(outboxSql([lines, { table: 'orders', keys: ['order:{id}'], all: ['orders'] }]));
        const [row] = await tx<{ security: string }[]>`select current_setting('row_security') as security`;
        return row?.security;
      });
    expect(await installAsOwner()).toBe('on');
    await database.sql.unsafe('alter table hidden.orders force row level security');
    await expect(installAsOwner()).rejects.toThrow(
      'The outbox cannot watch "lines": query would be affected by row-level',
    );
    // Where that is done after the installation, no name is lost either: the statement fails.
    const write = `set local role ${ROLE}; insert into hidden.lines values (1, 'x')`;
    await expect(database.sql.begin((tx) => tx.unsafe(write))).rejects.toThrow('row-level security');
    await database.sql.unsafe(`drop schema hidden cascade; drop owned by ${ROLE}; drop role ${ROLE}`);
  });

  test('a tag without a column names what an INSERT makes untrue: the lists', async () => {
    await database.sql.unsafe('create table books (id int primary key, title text, version int not null default 1)');
    await install([
      { table: 'books', keys: ['book:{id}'], tags: ['books'], all: ['books'], columns: ['id', 'version'] },
    ]);
    const written = (statement: string) => writtenBy(database.sql, statement);
    expect(await written(`insert into books values (1, 'Dune')`)).toEqual([{ keys: ['book:1'], tags: ['books'] }]);
    expect(await written('update books set version = 2')).toEqual([{ keys: ['book:1'], tags: ['books'] }]);
    expect(await written('update books set title = title')).toEqual([]);
    expect(await written('insert into books select n, null from generate_series(2, 900) n')).toEqual([
      { keys: [], tags: ['books'] },
    ]);
    expect(await written('truncate books')).toEqual([{ keys: [], tags: ['books'] }]);
    await database.sql.unsafe('drop table books');
  });

  test('a row whose names are no texts is told of, never marked, and holds up no other; a pool may parse JSON by itself', async () => {
    await install([]);
    const { sql } = database;
    await sql`truncate tiercel_outbox, tiercel_outbox_caches`;
    await sql`insert into tiercel_outbox (tags) values (array['a', null]), ('{{b,c}}'), ('{good}')`;
    const types = {
      json: { to: 114, from: [114, 3802], serialize: String, parse: (text: string) => `parsed ${text}` },
    };
    // The embedded database has one session, which belongs to its pool.
    const pool = database.url === undefined ? sql : postgres(database.url, { max: 1, types, onnotice: () => {} });
    const errors: string[] = [];
    const used = outbox(pool, { sole: database.url === undefined });
    used.start({ onChange: () => {}, onError: (error) => errors.push(String(error)) });
    await used.lead('c');
    const rows = await used.undelivered('due');
    expect(rows.map(({ targets }) => targets)).toEqual([{ ids: [], tags: ['good'] }]);
    await used.settle(rows.map(({ id }) => id));
    expect(await used.undelivered('due')).toEqual([]);
    expect(errors).toEqual([
      expect.stringContaining('has names that are not lists of texts'),
      expect.stringContaining('has names that are not lists of texts'),
    ]);
    const [left] = await sql<{ waiting: number }[]>`
      select count(*)::int as waiting from tiercel_outbox where delivered_at is null`;
    expect(left?.waiting).toBe(2);
    await used.close();
    if (pool !== sql) await pool.end({ timeout: 1 });
    await sql`truncate tiercel_outbox`;
  });
});
