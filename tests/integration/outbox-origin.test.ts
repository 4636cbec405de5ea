import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Queryable } from '../../src/catalog/sql.ts';
import { until } from '../../src/testing/until.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { install, OUTBOXES, type OutboxDatabase, openOnPostgres, PATIENCE } from './outbox-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const TABLE = 'create table goods (id int primary key, price int); insert into goods values (1, 1)';
const WATCHED = [{ table: 'goods', keys: ['good:{id}'], all: ['goods'] }];

const change = (sql: Queryable) => sql`update goods set price = price + 1 where id = 1`;
const claim = (sql: Queryable, origin: string) => sql`select set_config('tiercel.origin', ${origin}, true)`;

describe.each(OUTBOXES)('tiercel.origin on %s', (_, open) => {
  let database: OutboxDatabase;

  beforeAll(async () => {
    database = await open();
    await install(database.sql, TABLE, WATCHED);
  }, PATIENCE);
  afterAll(() => database.close());
  beforeEach(async () => {
    await database.sql`truncate tiercel_outbox`;
  });

  const rows = () => database.sql`
    select origin, mode, delivered_at, (extract(epoch from not_before - at) * 1000)::int as "waitsMs",
           at between now() - interval '1 minute' and clock_timestamp() as "isFresh"
    from tiercel_outbox order by id`;

  test('is written down, and leaves the writer a second', async () => {
    await database.sql.begin(async (tx) => {
      await claim(tx, 'instance-7/42');
      await change(tx);
      await tx`truncate goods`;
      await tx`insert into goods values (1, 1)`;
    });
    const seen = await rows();
    expect(seen).toHaveLength(3);
    for (const row of seen) {
      expect(row).toMatchObject({ origin: 'instance-7/42', mode: 'delete', delivered_at: null, isFresh: true });
      expect(row.waitsMs).toBeWithin(990, 1_010);
    }
  });

  test('is unset by default: the row is due at once', async () => {
    await change(database.sql);
    const [row] = await rows();
    expect(row).toMatchObject({ origin: null, isFresh: true });
    expect(row?.waitsMs).toBeWithin(-10, 10);
  });

  test('ends with the transaction that named it, however that ends', async () => {
    // One connection: the setting, if it stayed, would be found.
    const session = await database.sql.reserve();
    for (const end of ['commit', 'rollback']) {
      await session`begin`;
      await claim(session, 'gone');
      await change(session);
      await session.unsafe(end);
      await session`truncate tiercel_outbox`;
      await change(session);
      const [row] = await session`select origin from tiercel_outbox`;
      expect(row?.origin).toBeNull();
    }
    session.release();
  });

  test('an empty one is none', async () => {
    await database.sql.begin(async (tx) => {
      await claim(tx, '');
      await change(tx);
    });
    const [row] = await rows();
    expect(row?.origin).toBeNull();
  });
});

describe('a notification', () => {
  let database: OutboxDatabase;
  let heard: string[];

  beforeAll(async () => {
    database = await openOnPostgres();
    await install(database.sql, TABLE, WATCHED);
    await database.sql.listen('tiercel_outbox', (payload) => heard.push(payload));
  });
  afterAll(() => database.close());
  beforeEach(() => {
    heard = [];
  });

  /** Notifications arrive in the order of the commits, so whatever came before this one has arrived with it. */
  async function heardUntilNow(): Promise<string[]> {
    await database.sql`select pg_notify('tiercel_outbox', 'the end')`;
    await until(() => heard.at(-1) === 'the end', { what: 'the last notification' });
    return heard.slice(0, -1);
  }

  test('one for each transaction that wrote, however many statements it had', async () => {
    await change(database.sql);
    await database.sql.begin(async (tx) => {
      for (let statement = 0; statement < 5; statement += 1) await change(tx);
    });
    expect(await heardUntilNow()).toEqual(['', '']);
  });

  test('none when a transaction has an origin, is rolled back, or changed nothing', async () => {
    await database.sql.begin(async (tx) => {
      await claim(tx, 'me');
      await change(tx);
    });
    const rolledBack = database.sql.begin(async (tx) => {
      await change(tx);
      throw new Error('roll back');
    });
    await rolledBack.catch(() => undefined);
    await database.sql`update goods set price = 0 where false`;
    expect(await heardUntilNow()).toEqual([]);
  });

  test('comes after the row can be seen', async () => {
    await database.sql`truncate tiercel_outbox`;
    const holder = database.sql.begin(async (tx) => {
      await change(tx);
      expect(await database.sql`select from tiercel_outbox`).toHaveLength(0);
      expect(await heardUntilNow()).toEqual([]);
    });
    await holder;
    await until(() => heard.includes(''), { what: 'the notification of the commit' });
    expect(await database.sql`select from tiercel_outbox`).toHaveLength(1);
  });
});
