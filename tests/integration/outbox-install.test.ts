import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import postgres from 'postgres';
import { type ChangedTable, dropOutboxSql, outboxSql } from '../../src/adapters/postgres/index.ts';
import { sqlState } from '../../src/catalog/sql.ts';
import { until } from '../../src/testing/until.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { OUTBOXES, type OutboxDatabase, openOnPostgres, PATIENCE, written, writtenBy } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const TABLES = `
  create table goods (id int primary key, shop int, price numeric, note json);
  create table shops (id int primary key, name text, code text not null, unique (code) include (name));
  create table loose (id int, price int);
  create unique index on loose (id) where price > 0;
  create view goods_view as select * from goods`;

const goods: ChangedTable = { table: 'goods', keys: ['good:{id}'], all: ['goods'], columns: ['price'] };
const shops: ChangedTable = { table: 'shops', keys: ['shop:{id}'], all: ['shops'] };

describe.each(OUTBOXES)('the outbox is installed on %s', (_, open) => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await open();
    await database.sql.unsafe(TABLES);
  }, PATIENCE);
  afterAll(() => database.close());
  beforeEach(async () => {
    await database.sql.unsafe(`${dropOutboxSql()}; truncate goods, shops, loose; insert into goods values (1, 1, 1)`);
  });

  test('many times at once, as by instances that migrate when they start', async () => {
    const installers = Array.from({ length: 24 }, (_, index) => (index % 4 === 3 ? [goods] : [goods, shops]));
    const { url } = database;
    // The embedded database has one session.
    const pool = url === undefined ? database.sql : postgres(url, { max: installers.length, onnotice: () => {} });
    try {
      await pool`drop table if exists tiercel_outbox, tiercel_outbox_caches`;
      await Promise.all(installers.map((tables) => pool.begin((tx) => tx.unsafe(outboxSql(tables)))));
      expect(await code()).not.toEqual([]);
    } finally {
      if (pool !== database.sql) await pool.end({ timeout: 1 });
    }
  });

  /** The triggers and functions that the outbox put into the database. */
  async function code(): Promise<string[]> {
    const rows = await database.sql<{ name: string }[]>`
      select tgrelid::regclass || ': ' || tgname || ' ' || tgenabled::text as name from pg_trigger where tgname like 'tiercel%'
      union all select proname from pg_proc where proname like 'tiercel\_outbox%'`;
    return rows.map((row) => row.name).sort();
  }

  /** The same with the tables, their indexes and sequences. */
  async function parts(): Promise<string[]> {
    const rows = await database.sql<{ name: string }[]>`
      select relname as name from pg_class where relname like 'tiercel\_outbox%'`;
    return [...(await code()), ...rows.map((row) => row.name)];
  }

  const codeFor = (...tables: readonly string[]): string[] => {
    const watching = tables.flatMap((table) => [
      ...['delete', 'insert', 'truncate', 'update'].map((statement) => `${table}: tiercel_outbox_${statement} A`),
      `tiercel_outbox_on_${table}`,
    ]);
    const notifying = ['tiercel_outbox: tiercel_outbox_notify A', 'tiercel_outbox_notify'];
    return [...watching, ...notifying, 'tiercel_outbox_add'].sort();
  };

  test('once, again, for other tables, and not at all any more', async () => {
    const { sql } = database;
    await sql.unsafe(outboxSql([goods]));
    expect(await code()).toEqual(codeFor('goods'));
    await sql.unsafe(outboxSql([goods]));
    expect(await code()).toEqual(codeFor('goods'));
    expect(await writtenBy(sql, `update goods set price = price + 1`)).toEqual([{ keys: ['good:1'], tags: [] }]);

    await sql.unsafe(outboxSql([goods, shops]));
    expect(await code()).toEqual(codeFor('goods', 'shops'));
    await sql.unsafe(outboxSql([shops]));
    expect(await code()).toEqual(codeFor('shops'));
    expect(await writtenBy(sql, `update goods set price = price + 1`)).toEqual([]);

    await sql.unsafe(outboxSql([]));
    expect(await code()).toEqual(codeFor());
    expect(await parts()).toContain('tiercel_outbox');
    await sql.unsafe(dropOutboxSql());
    expect(await parts()).toEqual([]);
    await sql.unsafe(dropOutboxSql());
    expect(await parts()).toEqual([]);
  });

  test('again without losing a row', async () => {
    const { sql } = database;
    await sql.unsafe(outboxSql([goods]));
    await sql`update goods set price = price + 1`;
    const rows = () => sql`select * from tiercel_outbox`;
    const before = [...(await rows())];
    expect(before).toHaveLength(1);
    await sql.unsafe(outboxSql([shops]));
    expect([...(await rows())]).toEqual(before);
  });

  test('with new names for a table that is already watched', async () => {
    const { sql } = database;
    await sql.unsafe(outboxSql([goods]));
    await sql`update goods set price = price + 1`;
    await written(sql);
    await sql.unsafe(outboxSql([{ ...goods, keys: ['g:{id}:{shop}'] }]));
    expect(await writtenBy(sql, `update goods set price = price + 1`)).toEqual([{ keys: ['g:1:1'], tags: [] }]);
  });

  test('in a transaction, whose other statements look where they did before', async () => {
    await database.sql.begin(async (tx) => {
      await tx`set local search_path = public, pg_catalog`;
      const path = async () => (await tx`select current_setting('search_path') as path`)[0]?.path;
      for (const text of [outboxSql([goods]), dropOutboxSql()]) {
        await tx.unsafe(text);
        expect(await path()).toBe('public, pg_catalog');
      }
    });
  });

  test('or nothing of it, when something fails', async () => {
    const bad = { table: 'nowhere', keys: ['{id}'], all: ['all'] };
    expect(await failure([goods, bad])).toBeDefined();
    expect(await parts()).toEqual([]);
  });

  test('in the first schema of the search path, whatever its name', async () => {
    const { sql } = database;
    await sql.begin(async (tx) => {
      await tx.unsafe(`create schema "Odd, ""Name"""; set local search_path = "Odd, ""Name""", public`);
      await tx`create table things (id int)`;
      await tx.unsafe(
        outboxSql([
          { table: 'things', keys: ['thing:{id}'], all: ['things'] },
          { ...goods, table: 'public.goods' },
        ]),
      );
      await tx.unsafe(
        outboxSql([
          { table: 'things', keys: ['thing:{id}'], all: ['things'] },
          { ...goods, table: 'public.goods' },
        ]),
      );
      await tx`insert into things values (1)`;
      await tx`set local search_path = public`;
      await tx`update goods set price = price + 1`;
      const rows = await tx<
        { keys: string[] }[]
      >`select to_json(keys) as keys from "Odd, ""Name""".tiercel_outbox order by id`;
      expect(rows.map(({ keys }) => keys)).toEqual([['thing:1'], ['good:1']]);
      await tx`set local search_path = "Odd, ""Name""", public`;
      await tx.unsafe(dropOutboxSql());
      await tx`drop schema "Odd, ""Name""" cascade`;
    });
    expect(await parts()).toEqual([]);
  });

  /** Message and SQLSTATE with which the installation of these tables fails. */
  async function failure(
    tables: readonly ChangedTable[],
  ): Promise<{ message: string; state: string | undefined } | undefined> {
    const failed = (error: Error) => ({ message: error.message, state: sqlState(error) });
    return database.sql.unsafe(outboxSql(tables)).then(() => undefined, failed);
  }

  test.each<[string, ChangedTable, string, string]>([
    ['no such table', { ...goods, table: 'nowhere' }, '42P01', '"nowhere"'],
    ['no such schema', { ...goods, table: 'nowhere.goods' }, '42P01', '"nowhere.goods"'],
    ['no such column for a key', { ...goods, keys: ['good:{it}'] }, '42703', '"goods": column "it" does not exist'],
    ['no such column for a tag', { ...goods, tags: ['shop:{it}'] }, '42703', '"goods": column "it" does not exist'],
    ['another case', { ...goods, keys: ['good:{ID}'] }, '42703', '"goods": column "ID" does not exist'],
    ['no such column that matters', { ...goods, columns: ['it'] }, '42703', '"goods": column "it" does not exist'],
    [
      'a "via" without the column',
      { ...shops, via: 'select name from changed' },
      '42703',
      '"shops": column "id" does not exist',
    ],
    [
      'a "via" that reads nothing',
      { ...shops, via: 'select * from gone' },
      '42P01',
      '"shops": relation "gone" does not exist',
    ],
    ['a "via" that is no query', { ...shops, via: 'selct 1' }, '42601', '"shops"'],
    ['a "via" that ends with a semicolon', { ...shops, via: 'select id from changed;' }, '42601', '"shops"'],
    [
      'rows that look alike',
      { ...goods, keys: ['shop:{shop}'] },
      '42P17',
      '"goods": "columns" and the templates do not tell',
    ],
    [
      'rows told apart only by half of them',
      { table: 'loose', keys: ['{id}'], all: ['all'], columns: ['price'] },
      '42P17',
      '"loose"',
    ],
    ['a view', { ...shops, table: 'goods_view' }, '42809', 'goods_view'],
  ])('not with %s', async (_, table, state, message) => {
    const failed = await failure([table]);
    expect(failed).toEqual({ state, message: expect.stringContaining(message) });
  });

  test.each<[string, ChangedTable]>([
    ['a unique column that is never null', { table: 'shops', tags: ['{code}'], all: ['all'], columns: ['name'] }],
    ['a primary key among the columns that matter', { ...goods, keys: ['shop:{shop}'], columns: ['id', 'price'] }],
    ['columns of a type that knows no equality', { ...goods, columns: ['note'] }],
  ])('with %s', async (_, table) => {
    expect(await failure([table])).toBeUndefined();
  });

  test('and sees changes of a type that knows no equality', async () => {
    const { sql } = database;
    await sql.unsafe(outboxSql([{ ...goods, columns: ['note'] }]));
    expect(await writtenBy(sql, `update goods set note = '{"a": 1}'`)).toEqual([{ keys: ['good:1'], tags: [] }]);
    expect(await writtenBy(sql, `update goods set note = '{"a": 1}'`)).toEqual([]);
  });
});

test('statement by statement, outside of a transaction, it is refused', async () => {
  const database = await openOnPostgres();
  await database.sql.unsafe(TABLES);
  const session = await database.sql.reserve();
  const text = outboxSql([goods]);
  const end = text.indexOf('do $body$');
  await session.unsafe(text.slice(0, end));
  const refused = await session.unsafe(text.slice(end)).catch((error: Error) => error.message);
  expect(refused).toBe('The outbox must be installed and removed in a transaction');
  session.release();
  await database.close();
});

describe('an installer that comes while another one is at work on PostgreSQL', () => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await openOnPostgres();
    await database.sql.unsafe(TABLES);
  }, PATIENCE);
  afterAll(() => database.close());
  beforeEach(async () => {
    await database.sql.unsafe(dropOutboxSql());
  });

  /** One transaction installs and stays open; a second one comes and waits for it. Answers what becomes of the second. */
  async function second(text: string): Promise<string> {
    const { sql } = database;
    const committed = Promise.withResolvers<void>();
    const installed = Promise.withResolvers<void>();
    const first = sql.begin(async (tx) => {
      await tx.unsafe(text);
      installed.resolve();
      await committed.promise;
    });
    // A first one that fails is told below; nothing waits for it in vain.
    first.catch(installed.resolve);
    await installed.promise;
    const pid = Promise.withResolvers<number>();
    const outcome = sql
      .begin(async (tx) => {
        const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
        pid.resolve(row?.pid ?? 0);
        await tx.unsafe(text);
        return 'installed';
      })
      .catch((error: Error) => sqlState(error) ?? error.message);
    const waiter = await pid.promise;
    const isWaiting = async (): Promise<boolean> => {
      const [row] = await sql`select wait_event_type as waits from pg_stat_activity where pid = ${waiter}`;
      return row?.waits === 'Lock';
    };
    await until(isWaiting, { what: 'the second installer to wait for the first' });
    committed.resolve();
    await first;
    return outcome;
  }

  const text = outboxSql([goods, shops]);

  test('waits for it, and installs', async () => {
    expect(await second(text)).toBe('installed');
  });

  test('would fail on what the first one has made if the text took no lock', async () => {
    const unlocked = text.replace(/select pg_advisory_xact_lock\([^;]*;/, '');
    expect(unlocked).not.toBe(text);
    expect(await second(unlocked)).toBe(UNIQUE_VIOLATION);
  });
});

/** A table with this name has been made meanwhile. */
const UNIQUE_VIOLATION = '23505';
