import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { ChangedTable } from '../../src/adapters/postgres/index.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import {
  install,
  OUTBOXES,
  type OutboxDatabase,
  PATIENCE,
  type Written,
  written,
  writtenBy,
} from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const TABLES = `
  create table shops (id int primary key, name text not null);
  create table goods (
    id int primary key, shop int references shops on delete cascade on update cascade,
    code text, price numeric, seen int not null default 0
  );
  create table notes (good int references goods on delete cascade, text text)`;

const WATCHED: readonly ChangedTable[] = [
  { table: 'shops', keys: ['shop:{id}'], all: ['shops'] },
  { table: 'goods', keys: ['good:{id}'], tags: ['goods:of:{shop}'], all: ['goods'], columns: ['code', 'price'] },
  { table: 'notes', tags: ['notes:{good}:{text}'], all: ['notes'] },
];

const one = (keys: readonly string[], tags: readonly string[] = []): Written => ({ keys, tags });

describe.each(OUTBOXES)('what a statement writes into the outbox on %s', (_, open) => {
  let database: OutboxDatabase;
  const by = (statement: string): Promise<Written[]> => writtenBy(database.sql, statement);

  beforeAll(async () => {
    database = await open();
    await install(database.sql, TABLES, WATCHED);
  }, PATIENCE);
  afterAll(() => database.close());

  beforeEach(async () => {
    await database.sql.unsafe(`
      truncate shops, goods, notes;
      insert into shops values (1, 'One'), (2, 'Two'), (3, 'Three');
      insert into goods values (1, 1, 'a', 10), (2, 1, 'b', 20), (3, 2, 'c', 30), (4, null, 'd', 40)`);
    await written(database.sql);
  });

  const both = [one(['good:1', 'good:3'], ['goods:of:1', 'goods:of:2'])];

  test.each<[string, string, Written[]]>([
    ['INSERT', `insert into goods values (5, 2, 'e', 1)`, [one(['good:5'], ['goods:of:2'])]],
    [
      'INSERT of several rows',
      `insert into goods values (5, 2), (6, 3)`,
      [one(['good:5', 'good:6'], ['goods:of:2', 'goods:of:3'])],
    ],
    [
      'INSERT … SELECT',
      `insert into goods select id + 4, shop from goods where id in (1, 3)`,
      [one(['good:5', 'good:7'], ['goods:of:1', 'goods:of:2'])],
    ],
    ['UPDATE', `update goods set price = price + 1 where id in (1, 3)`, both],
    [
      'UPDATE of rows of one shop, which is named once',
      `update goods set price = 0 where shop = 1`,
      [one(['good:1', 'good:2'], ['goods:of:1'])],
    ],
    [
      'UPDATE … FROM',
      `update goods set price = 0 from shops where shop = shops.id and name in ('One', 'Two') and goods.id <> 2`,
      both,
    ],
    [
      'UPDATE that names some rows but changes one',
      `update goods set price = 10 where shop = 1`,
      [one(['good:2'], ['goods:of:1'])],
    ],
    ['UPDATE to null', `update goods set price = null where id = 3`, [one(['good:3'], ['goods:of:2'])]],
    [
      'UPDATE of a row to another shop',
      `update goods set shop = 3 where id = 1`,
      [one(['good:1'], ['goods:of:1', 'goods:of:3'])],
    ],
    ['UPDATE of a row to no shop', `update goods set shop = null where id = 1`, [one(['good:1'], ['goods:of:1'])]],
    ['UPDATE of a row from no shop', `update goods set shop = 2 where id = 4`, [one(['good:4'], ['goods:of:2'])]],
    ['UPDATE of an id', `update goods set id = 9 where id = 1`, [one(['good:1', 'good:9'], ['goods:of:1'])]],
    [
      'UPDATE that swaps two rows',
      `update goods set price = 30 - price where shop = 1`,
      [one(['good:1', 'good:2'], ['goods:of:1'])],
    ],
    ['UPDATE of a table where everything matters', `update shops set name = name where id = 2`, [one(['shop:2'])]],
    ['DELETE', `delete from goods where id in (1, 3)`, both],
    ['DELETE … USING', `delete from goods using shops where shop = shops.id and goods.id <> 2`, both],
    ['TRUNCATE', `truncate notes`, [one([], ['notes'])]],
    ['TRUNCATE of two tables', `truncate goods, notes`, [one([], ['goods']), one([], ['notes'])]],
    ['TRUNCATE … CASCADE', `truncate shops cascade`, [one([], ['shops']), one([], ['goods']), one([], ['notes'])]],
    [
      'ON CONFLICT DO UPDATE that inserts',
      `insert into goods values (5, 2) on conflict (id) do update set price = 7`,
      [one(['good:5'], ['goods:of:2'])],
    ],
    [
      'ON CONFLICT DO UPDATE that updates',
      `insert into goods values (1, 2) on conflict (id) do update set price = 7`,
      [one(['good:1'], ['goods:of:1'])],
    ],
    ['ON CONFLICT DO NOTHING', `insert into goods values (1, 2) on conflict do nothing`, []],
    ['a name of two columns', `insert into notes values (1, 'x'), (null, 'y'), (2, null)`, [one([], ['notes:1:x'])]],
    [
      'WITH that writes',
      `with gone as (delete from goods where id = 1 returning *) insert into notes select 2, code from gone`,
      [one([], ['notes:2:a']), one(['good:1'], ['goods:of:1'])],
    ],
  ])('%s', async (_, statement, expected) => {
    expect(sorted(await by(statement))).toEqual(sorted(expected));
  });

  test.each<[string, string]>([
    ['an UPDATE of no row', `update goods set price = 0 where false`],
    ['a DELETE of no row', `delete from goods where id = 99`],
    ['an INSERT of no row', `insert into goods select * from goods where false`],
    ['a change of a column that does not matter', `update goods set seen = seen + 1`],
    ['an UPDATE that leaves everything as it was', `update goods set price = price, code = code, shop = shop`],
    ['rows without a name', `insert into notes values (null, null)`],
    ['reads', `select * from goods for update`],
  ])('nothing for %s', async (_, statement) => {
    expect(await by(statement)).toEqual([]);
  });

  test('INSERT and UPDATE of one ON CONFLICT statement are two rows', async () => {
    expect(await by(`insert into goods values (1, 2), (5, 3) on conflict (id) do update set price = 7`)).toEqual([
      one(['good:1'], ['goods:of:1']),
      one(['good:5'], ['goods:of:3']),
    ]);
  });

  test('500 names of a template are named; 501 are too many, and "all" stands for them', async () => {
    const insert = (from: number, to: number) =>
      by(`insert into goods select i, 1 from generate_series(${from}, ${to}) i`);
    const [named] = await insert(1001, 1500);
    expect(named?.keys).toHaveLength(500);
    expect(named?.tags).toEqual(['goods:of:1']);
    expect(await insert(2001, 2501)).toEqual([one([], ['goods', 'goods:of:1'])]);
    // Old and new ones together.
    expect(await by(`update goods set id = id + 10000 where id between 1001 and 1251`)).toEqual([
      one([], ['goods', 'goods:of:1']),
    ]);
  });

  test('MERGE says what each of its actions did', async () => {
    const rows = await by(`
      merge into goods using (values (1, 11), (2, null), (5, 50)) as given (id, price) on goods.id = given.id
      when matched and given.price is null then delete
      when matched then update set price = given.price
      when not matched then insert (id, shop, price) values (given.id, 3, given.price)`);
    expect(sorted(rows)).toEqual([
      one(['good:1'], ['goods:of:1']),
      one(['good:2'], ['goods:of:1']),
      one(['good:5'], ['goods:of:3']),
    ]);
  });

  test('a foreign key that deletes or updates says so for its own table, once', async () => {
    await database.sql`insert into notes values (1, 'x'), (2, 'y'), (3, 'z')`;
    expect(sorted(await by(`delete from shops where id in (1, 2)`))).toEqual([
      one(['good:1', 'good:2', 'good:3'], ['goods:of:1', 'goods:of:2']),
      one(['shop:1', 'shop:2']),
      one([], ['notes:1:x', 'notes:2:y', 'notes:3:z']),
    ]);
    await database.sql`insert into goods values (7, 3)`;
    expect(sorted(await by(`update shops set id = 8 where id = 3`))).toEqual([
      one(['good:7'], ['goods:of:3', 'goods:of:8']),
      one(['shop:3', 'shop:8']),
    ]);
  });

  test('equal values that are written differently are a change, as they are to a reader', async () => {
    expect(await by(`update goods set price = 10.00 where id = 1`)).toEqual([one(['good:1'], ['goods:of:1'])]);
  });

  test('the statements of a transaction are seen together, or not at all', async () => {
    const { sql } = database;
    await sql.begin(async (tx) => {
      await tx`update goods set price = 11 where id = 1`;
      await tx`update goods set price = 31 where id = 3`;
    });
    expect(await written(sql)).toEqual([one(['good:1'], ['goods:of:1']), one(['good:3'], ['goods:of:2'])]);

    const rolledBack = sql.begin(async (tx) => {
      await tx`update goods set price = 12 where id = 1`;
      throw new Error('roll back');
    });
    expect(await rolledBack.catch((error: Error) => error.message)).toBe('roll back');
    expect(await written(sql)).toEqual([]);
  });

  test('what a savepoint takes back is not said', async () => {
    await database.sql.begin(async (tx) => {
      await tx`update goods set price = 13 where id = 1`;
      await tx
        .savepoint(async (inner) => {
          await inner`update goods set price = 33 where id = 3`;
          throw new Error('back to the savepoint');
        })
        .catch(() => undefined);
    });
    expect(await written(database.sql)).toEqual([one(['good:1'], ['goods:of:1'])]);
  });

  test('xid is that of the transaction, inside a savepoint too', async () => {
    const { sql } = database;
    const xid = await sql.begin(async (tx) => {
      await tx`update goods set price = 14 where id = 1`;
      await tx.savepoint((inner) => inner`update goods set price = 34 where id = 3`);
      const [row] = await tx<{ xid: string }[]>`select pg_current_xact_id()::text as xid`;
      return row?.xid;
    });
    const rows = await sql<{ xid: string }[]>`select xid::text from tiercel_outbox`;
    expect(rows.map((row) => row.xid)).toEqual([String(xid), String(xid)]);
  });
});

/** The order of the triggers of one statement is Postgres's own affair. */
function sorted(rows: readonly Written[]): Written[] {
  return rows.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b), 'en'));
}
