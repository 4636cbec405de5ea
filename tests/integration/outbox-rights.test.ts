import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { type Database, openDatabase } from '../../src/catalog/database.ts';
import { sqlState } from '../../src/catalog/sql.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { install, type OutboxDatabase, openOnPostgres, written } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const FORBIDDEN = '42501';

/** Roles belong to the whole server, which other test files use too. */
const ROLE = `tiercel_clerk_${randomBytes(6).toString('hex')}`;

const goods = { table: 'goods', keys: ['good:{id}'], all: ['goods'] };

let database: OutboxDatabase;
/** A role that may write the watched table, make temporary tables, and nothing else. */
let clerk: Database;

beforeAll(async () => {
  database = await openOnPostgres();
  await install(
    database.sql,
    `create table goods (id int primary key, price int); insert into goods values (1, 1);
     create role ${ROLE} login; grant select, insert, update, delete, truncate, trigger on goods to ${ROLE}`,
    [goods],
  );
  const url = new URL(database.url ?? '');
  url.username = ROLE;
  clerk = await openDatabase({ url: url.href, pool: 1 });
});

afterAll(async () => {
  await clerk.close();
  await database.sql.unsafe(`drop owned by ${ROLE}; drop role ${ROLE}`);
  await database.close();
});

/** The SQLSTATE of the error with which a statement of the clerk's ends. */
const refusal = (statement: string): Promise<string | undefined> =>
  clerk.sql.unsafe(statement).then(() => 'it was allowed', sqlState);

describe('a role that may write the table', () => {
  test.each([
    ['UPDATE', 'update goods set price = price + 1 where id = 1', { keys: ['good:1'], tags: [] }],
    ['INSERT', 'insert into goods values (2, 2)', { keys: ['good:2'], tags: [] }],
    ['DELETE', 'delete from goods where id = 2', { keys: ['good:2'], tags: [] }],
  ])('needs no right to the outbox: %s', async (_, statement, row) => {
    await written(database.sql);
    await clerk.sql.unsafe(statement);
    expect(await written(database.sql)).toEqual([row]);
  });

  test.each([
    ['read the outbox', 'select from tiercel_outbox'],
    ['write it', `insert into tiercel_outbox (keys) values ('{a}')`],
    ['clear it', 'delete from tiercel_outbox'],
    ['truncate it', 'truncate tiercel_outbox'],
    ['say what it likes through the function', `select tiercel_outbox_add('{a}', '{b}')`],
    ['call the function of a table', 'select tiercel_outbox_on_goods()'],
    [
      'feed that function from a table of its own',
      `create temp table bait (id int, price int);
       create trigger bait after insert on bait referencing new table as new_rows
         for each statement execute function tiercel_outbox_on_goods()`,
    ],
    ['silence the triggers', 'alter table goods disable trigger all'],
    ['write as a replica, which skips triggers', 'set session_replication_role = replica'],
  ])('cannot %s', async (_, statement) => {
    expect(await refusal(statement)).toBe(FORBIDDEN);
  });

  test('cannot put a table of its own before the outbox', async () => {
    await written(database.sql);
    await clerk.sql.unsafe(`
      create temp table tiercel_outbox (keys text[], tags text[], origin text, not_before timestamptz);
      create temp table goods_backup (id int)`);
    await clerk.sql.unsafe(`set search_path = pg_temp, public; update public.goods set price = 5 where id = 1`);
    expect(await written(database.sql)).toEqual([{ keys: ['good:1'], tags: [] }]);
    expect(await clerk.sql`select from pg_temp.tiercel_outbox`).toHaveLength(0);
    await clerk.sql.unsafe(`reset search_path; drop table pg_temp.tiercel_outbox, pg_temp.goods_backup`);
  });
});

test.each(['replica', 'local', 'origin'])('session_replication_role = %s writes all the same', async (role) => {
  await database.sql.begin(async (tx) => {
    await tx.unsafe(`set local session_replication_role = ${role}`);
    await tx`update goods set price = price + 1 where id = 1`;
    await tx`truncate goods`;
    await tx`insert into goods values (1, 1)`;
  });
  expect(await written(database.sql)).toEqual([
    { keys: ['good:1'], tags: [] },
    { keys: [], tags: ['goods'] },
    { keys: ['good:1'], tags: [] },
  ]);
});
