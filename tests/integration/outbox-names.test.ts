import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type ChangedTable, dropOutboxSql } from '../../src/adapters/postgres/index.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { install, OUTBOXES, type OutboxDatabase, PATIENCE, written, writtenBy } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

/** A name as SQL writes it, made here by hand: the code under test must not test itself. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const LONG = 'a_table_whose_name_is_as_long_as_postgres_allows_it_to_be_63_by';

const HOSTILE = [
  'Upper Case and spaces',
  `double"quote`,
  `single'quote`,
  'back\\slash',
  '$body$',
  '$body',
  `"; drop table tiercel_outbox; --`,
  'größe_表',
  'select',
  'names_0',
  'tg_op',
  'found',
  'changed',
  LONG,
];

/** In columns also what means something in the name of a table. */
const HOSTILE_COLUMNS = [...HOSTILE, 'with.dot', 'name', 'new_rows', 'old_rows', 'source', 'sqlerrm'];

describe.each(OUTBOXES)('names on %s', (_, open) => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await open();
  }, PATIENCE);
  afterAll(() => database.close());

  test.each(HOSTILE)('of a table: %s', async (table) => {
    const { sql } = database;
    const columns = 'id int primary key, value int';
    await install(sql, `create table ${quoted(table)} (${columns})`, [
      { table, keys: [`key:{id}`], all: ['all'], columns: ['value'] },
    ]);
    for (const statement of ['insert into $ values (1, 1)', 'update $ set value = 2', 'delete from $'])
      expect(
        await writtenBy(
          sql,
          statement.replace('$', () => quoted(table)),
        ),
      ).toEqual([{ keys: ['key:1'], tags: [] }]);
    expect(await writtenBy(sql, `truncate ${quoted(table)}`)).toEqual([{ keys: [], tags: ['all'] }]);
    await sql.unsafe(`${dropOutboxSql()}; drop table ${quoted(table)}`);
  });

  test.each(HOSTILE_COLUMNS)('of a column: %s', async (column) => {
    const { sql } = database;
    await install(sql, `create table plain (${quoted(column)} text primary key, value int)`, [
      { table: 'plain', keys: [`key:{${column}}:`], tags: [`{${column}}`], all: ['all'], columns: ['value'] },
    ]);
    const row = { keys: [`key:it's:`], tags: [`it's`] };
    for (const statement of [
      `insert into plain values ('it''s', 1)`,
      'update plain set value = 2',
      'delete from plain',
    ])
      expect(await writtenBy(sql, statement)).toEqual([row]);
    await sql.unsafe(`${dropOutboxSql()}; drop table plain`);
  });

  test.each([
    [`it's`],
    ['back\\slash\\'],
    [`\\' || version() || \\'`],
    ['$body$; select 1; $body$'],
    ['100 % {id} %I %L'],
    ['größe:表:🦅'],
    ["''"],
  ])('in a template: %s', async (text) => {
    const { sql } = database;
    const all = text.replace('{id}', 'id');
    await install(sql, 'create table plain (id int primary key)', [
      { table: 'plain', keys: [`${text}:{id}`], tags: [all], all: [all] },
    ]);
    const row = { keys: [`${text.replace('{id}', '1')}:1`], tags: [all] };
    expect(await writtenBy(sql, 'insert into plain values (1)')).toEqual([row]);
    expect(await writtenBy(sql, 'truncate plain')).toEqual([{ keys: [], tags: [all] }]);
    await sql.unsafe(`${dropOutboxSql()}; drop table plain`);
  });

  test('of tables in other schemas, one in each', async () => {
    const { sql } = database;
    const watched = ['one', 'Other One'].map(
      (schema): ChangedTable => ({ table: `${schema}.things`, keys: [`${schema}:{id}`], all: ['all'] }),
    );
    const tables = ['one', '"Other One"'].map(
      (schema) => `create schema ${schema}; create table ${schema}.things (id int)`,
    );
    await install(sql, tables.join(';'), watched);
    expect(
      await writtenBy(sql, `insert into one.things values (1); insert into "Other One".things values (2)`),
    ).toEqual([
      { keys: ['one:1'], tags: [] },
      { keys: ['Other One:2'], tags: [] },
    ]);
  });

  test('a text that cannot be a key names no entry', async () => {
    const { sql } = database;
    await install(sql, 'create table texts (text text)', [
      { table: 'texts', keys: ['{text}', 'k:{text}'], all: ['all'] },
    ]);
    expect(await writtenBy(sql, `insert into texts values ('')`)).toEqual([{ keys: ['k:'], tags: [] }]);
    expect(await writtenBy(sql, `insert into texts values (repeat('x', 1025))`)).toEqual([]);
    const longest = 'x'.repeat(1024);
    expect(await writtenBy(sql, `insert into texts values ('${longest}')`)).toEqual([{ keys: [longest], tags: [] }]);
  });

  test('are the same whatever the writer’s session is set to, also one that looks nowhere', async () => {
    const { sql } = database;
    await install(
      sql,
      `create table days (day date primary key, at timestamptz, share float8, bytes bytea, span interval);
       create table "days'" (day date primary key)`,
      [
        { table: 'days', keys: ['{day}|{at}|{share}|{bytes}|{span}'], all: ['days'] },
        { table: `days'`, keys: [`it's|{day}`], all: ['days'], via: 'select day from changed' },
      ],
    );
    const row = `'2026-02-01', '2026-02-01 12:00:00+00', 0.1::float8 + 0.2::float8, '\\xff', '1 day 2 hours'`;
    const rows = await writtenBy(sql, `insert into days values (${row}); insert into "days'" values ('2026-02-01')`);
    expect(rows.map(({ keys }) => keys)).toEqual([
      ['2026-02-01|2026-02-01 12:00:00+00|0.30000000000000004|\\xff|1 day 02:00:00'],
      [`it's|2026-02-01`],
    ]);
    await sql.begin(async (tx) => {
      await tx.unsafe(`
        set local search_path = ''; set local datestyle = 'SQL, DMY'; set local timezone = 'Asia/Kathmandu';
        set local extra_float_digits = -10; set local bytea_output = 'escape'; set local intervalstyle = 'iso_8601';
        set local standard_conforming_strings = off`);
      await tx`update public.days set at = at`;
      await tx`update public."days'" set day = day`;
    });
    expect(await written(sql)).toEqual(rows);
  });
});
