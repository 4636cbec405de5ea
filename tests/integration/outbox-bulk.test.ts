import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { ReservedSql } from 'postgres';
import type { ChangedTable } from '../../src/adapters/postgres/index.ts';
import { install, type OutboxDatabase, openOnPostgres, written, writtenBy } from './outbox-databases.ts';

// Every statement of these tests ends within the client's statement timeout of 30 s, or the test fails.
setDefaultTimeout(60_000);

const MANY = 100_000;

const TABLES = `
  create table parts (id int primary key, shelf int, version int not null default 1, note json);
  create table orders (id int, shop int);
  create table lines (id int primary key, order_id int, amount int not null default 1)`;

/** No index helps this join: the worst that a plan can be wrong about. */
const via = 'select orders.id, orders.shop from changed join orders on orders.id = changed.order_id';

const WATCHED: readonly ChangedTable[] = [
  { table: 'parts', keys: ['part:{id}'], tags: ['shelf:{shelf}'], all: ['parts'], columns: ['version'] },
  { table: 'lines', keys: ['order:{id}'], tags: ['orders:of:{shop}'], all: ['orders'], via },
];

let database: OutboxDatabase;
let session: ReservedSql;

beforeAll(async () => {
  database = await openOnPostgres();
  await install(database.sql, TABLES, WATCHED);
  // One connection, because plans are kept in it.
  session = await database.sql.reserve();
});

afterAll(async () => {
  session.release();
  await database.close();
});

const shelves = Array.from({ length: 10 }, (_, shelf) => `shelf:${shelf}`);

test('a plan made for one row serves a hundred thousand: INSERT, UPDATE, DELETE', async () => {
  await session`insert into parts values (0, 0)`;
  await session`update parts set version = 2 where id = 0`;
  await session`delete from parts where id = 0`;
  const bulk = [{ keys: [], tags: ['parts', ...shelves] }];

  expect(await writtenBy(session, `insert into parts select i, i % 10 from generate_series(1, ${MANY}) i`)).toEqual(
    bulk,
  );
  expect(await writtenBy(session, `update parts set version = version + 1`)).toEqual(bulk);
  expect(await writtenBy(session, `update parts set shelf = shelf`)).toEqual([]);
  expect(await writtenBy(session, `update parts set version = 7 where id = 5`)).toEqual([
    { keys: ['part:5'], tags: ['shelf:5'] },
  ]);
  expect(await writtenBy(session, `delete from parts`)).toEqual(bulk);
});

test('a plan made for a small table to join serves a great one', async () => {
  await session`insert into orders values (1, 1)`;
  // Known to be small; later it is not known to have grown.
  await session`analyze orders`;
  await session`insert into lines values (1, 1)`;
  await session`update lines set amount = 2`;
  await session`delete from lines`;
  await session`insert into orders select i, i % 10 from generate_series(2, 20000) i`;
  await written(session);

  const bulk = [{ keys: [], tags: ['orders', ...shelves.map((_, shop) => `orders:of:${shop}`)] }];
  const insert = `insert into lines select i, 1 + i % 20000 from generate_series(1, ${MANY}) i`;
  expect(await writtenBy(session, insert)).toEqual(bulk);
  expect(await writtenBy(session, `update lines set amount = amount + 1`)).toEqual(bulk);
  expect(await writtenBy(session, `delete from lines`)).toEqual(bulk);
});

test('COPY is an INSERT', async () => {
  const copy = await session`copy parts (id, shelf) from stdin`.writable();
  const done = Promise.withResolvers<void>();
  copy.on('finish', done.resolve).on('error', done.reject);
  copy.end('1\t2\n2\t3\n3\t\\N\n');
  await done.promise;
  expect(await written(session)).toEqual([{ keys: ['part:1', 'part:2', 'part:3'], tags: ['shelf:2', 'shelf:3'] }]);
});

test('columns that come and go after the first statement do no harm', async () => {
  await session`update parts set version = version + 1 where id = 1`;
  await session`alter table parts add column colour text default 'red'`;
  await session`alter table parts drop column note`;
  await written(session);
  expect(await writtenBy(session, `update parts set version = version + 1 where id = 1`)).toEqual([
    { keys: ['part:1'], tags: ['shelf:2'] },
  ]);
  expect(await writtenBy(session, `insert into parts values (9, 9, 1, 'blue')`)).toEqual([
    { keys: ['part:9'], tags: ['shelf:9'] },
  ]);
});
