import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { outboxSql } from '../../src/adapters/postgres/index.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { install, OUTBOXES, type OutboxDatabase, PATIENCE, written, writtenBy } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const TABLES = `
  create table moves (id int, half int, shop int, primary key (id, half)) partition by list (half);
  create table moves_1 partition of moves for values in (1);
  create table moves_2 partition of moves for values in (2);
  create table parents (id int);
  create table children () inherits (parents)`;

const moves = { table: 'moves', keys: ['move:{id}'], tags: ['half:{half}'], all: ['moves'], columns: ['shop'] };
const parents = { table: 'parents', keys: ['parent:{id}'], all: ['parents'] };

describe.each(OUTBOXES)('partitions on %s', (_, open) => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await open();
    await install(database.sql, TABLES, [moves, parents]);
  }, PATIENCE);
  afterAll(() => database.close());

  beforeEach(async () => {
    await database.sql.unsafe(`
      truncate moves, parents;
      insert into moves values (1, 1, 10), (2, 2, 10);
      insert into parents values (1); insert into children values (2)`);
    await written(database.sql);
  });

  const both = [{ keys: ['move:1', 'move:2'], tags: ['half:1', 'half:2'] }];

  test.each([
    [
      'INSERT',
      'insert into moves values (3, 1, 1), (4, 2, 1)',
      [{ keys: ['move:3', 'move:4'], tags: ['half:1', 'half:2'] }],
    ],
    ['UPDATE', 'update moves set shop = 20', both],
    [
      'UPDATE that moves a row to another partition',
      'update moves set half = 2 where id = 1',
      [{ keys: ['move:1'], tags: ['half:1', 'half:2'] }],
    ],
    ['DELETE', 'delete from moves', both],
    ['TRUNCATE', 'truncate moves', [{ keys: [], tags: ['moves'] }]],
    [
      'UPDATE of a table that others inherit from',
      'update parents set id = id',
      [{ keys: ['parent:1', 'parent:2'], tags: [] }],
    ],
  ])('a statement that names the whole is seen: %s', async (_, statement, expected) => {
    expect(await writtenBy(database.sql, statement)).toEqual(expected);
  });

  // As docs/outbox.md says. If one of these is seen one day, the document is to be changed.
  test.each([
    ['INSERT', 'insert into moves_1 values (3, 1, 1)'],
    ['UPDATE', 'update moves_1 set shop = 20'],
    ['DELETE', 'delete from moves_1'],
    ['TRUNCATE', 'truncate moves_1'],
    [
      'DETACH, and ATTACH',
      `alter table moves detach partition moves_1; alter table moves attach partition moves_1 for values in (1)`,
    ],
    ['UPDATE of a table that inherits', 'update children set id = 3'],
  ])('a statement that names a part is not: %s', async (_, statement) => {
    expect(await writtenBy(database.sql, statement)).toEqual([]);
  });

  test('a part that is watched by its own name is seen by it, and by the whole’s only once', async () => {
    const { sql } = database;
    await sql.unsafe(outboxSql([moves, { ...moves, table: 'moves_1' }]));
    expect(await writtenBy(sql, 'update moves_1 set shop = 30')).toEqual([{ keys: ['move:1'], tags: ['half:1'] }]);
    expect(await writtenBy(sql, 'update moves set shop = 40')).toEqual(both);
    await sql.unsafe(outboxSql([moves, parents]));
  });

  test('a partition that is made later is part of the whole', async () => {
    await database.sql.begin(async (tx) => {
      await tx`create table moves_3 partition of moves for values in (3)`;
      await tx`insert into moves values (5, 3, 1)`;
    });
    expect(await written(database.sql)).toEqual([{ keys: ['move:5'], tags: ['half:3'] }]);
  });
});
