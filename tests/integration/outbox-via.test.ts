import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { install, OUTBOXES, type OutboxDatabase, PATIENCE, written, writtenBy } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const TABLES = `
  create schema sales;
  create table sales.orders (id int primary key, shop int);
  create table lines (id int primary key, order_id int references sales.orders on delete cascade, amount int);
  create table orders (id int primary key, shop int)`;

describe.each(OUTBOXES)('names from another table on %s', (_, open) => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await open();
    await install(database.sql, TABLES, [
      {
        table: 'lines',
        keys: ['order:{id}'],
        tags: ['orders:of:{shop}'],
        all: ['orders'],
        via: `select o.id, o.shop from changed join sales.orders o on o.id = changed.order_id -- both, old and new`,
      },
    ]);
  }, PATIENCE);
  afterAll(() => database.close());

  beforeEach(async () => {
    await database.sql.unsafe(`
      truncate lines, sales.orders, orders;
      insert into sales.orders values (1, 10), (2, 20), (3, null);
      -- Another table of that name, in the outbox's own schema.
      insert into orders values (1, 99), (2, 99), (3, 99);
      insert into lines values (1, 1, 1), (2, 2, 1), (3, 3, 1), (4, null, 1)`);
    await written(database.sql);
  });

  test.each([
    ['INSERT', 'insert into lines values (5, 1, 1), (6, 1, 1)', ['order:1'], ['orders:of:10']],
    ['UPDATE', 'update lines set amount = 2 where id = 1', ['order:1'], ['orders:of:10']],
    [
      'an UPDATE that moves a line',
      'update lines set order_id = 2 where id = 1',
      ['order:1', 'order:2'],
      ['orders:of:10', 'orders:of:20'],
    ],
    ['a name that is null there', 'update lines set amount = 2 where id = 3', ['order:3'], []],
    ['DELETE', 'delete from lines where id = 2', ['order:2'], ['orders:of:20']],
    ['TRUNCATE', 'truncate lines', [], ['orders']],
  ])('%s', async (_, statement, keys, tags) => {
    expect(await writtenBy(database.sql, statement)).toEqual([{ keys, tags }]);
  });

  test('nothing for a row that joins none', async () => {
    expect(await writtenBy(database.sql, 'update lines set amount = 2 where id = 4')).toEqual([]);
  });

  test('a row whose other half went in the same statement joins none any more', async () => {
    // Only the order knows its shop, and it is gone: what hangs on it must be said by a watch on its own table.
    expect(await writtenBy(database.sql, 'delete from sales.orders where id = 1')).toEqual([]);
  });
});
