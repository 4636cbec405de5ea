import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { outbox, outboxSql } from '../../src/adapters/postgres/index.ts';
import { follow } from '../../src/adapters/postgres/outbox-statements.ts';
import { createDatabase } from '../support/postgres-server.ts';

setDefaultTimeout(30_000);

const ROWS = 20_000;

const owned = new AsyncDisposableStack();
let sql: Sql;

beforeAll(async () => {
  const database = await createDatabase();
  owned.defer(() => database.drop());
  sql = postgres(database.url, { max: 1, onnotice: () => {} });
  owned.defer(() => sql.end({ timeout: 1 }));
  await sql.begin((tx) => tx.unsafe(outboxSql([])));
});

afterAll(() => owned.disposeAsync());

/** Entries of the table and its indexes that have been read so far. */
async function entriesRead(): Promise<number> {
  await sql`select pg_stat_force_next_flush()`;
  const [row] = await sql<{ entries: number }[]>`
    select (seq_tup_read + (select sum(idx_tup_read) from pg_stat_user_indexes indexes
                            where indexes.relid = tables.relid))::int as entries
    from pg_stat_user_tables tables where relname = 'tiercel_outbox'`;
  return row?.entries ?? 0;
}

test('a row whose transaction this server has not begun yet, as a dump of another server brings it, is no news', async () => {
  await sql`truncate tiercel_outbox`;
  await sql`
    insert into tiercel_outbox (tags, xid)
    select '{restored}', (pg_current_xact_id()::text::bigint + 1000000 + number)::text::xid8
    from generate_series(1, 2000) number`;
  const follower = outbox(sql);
  owned.defer(() => follower.close());
  let { cursor } = await follower.follow(undefined);
  for (let look = 0; look < 3; look += 1) {
    const news = await follower.follow(cursor);
    expect([news.rows, news.everything]).toEqual([[], false]);
    ({ cursor } = news);
  }
  await sql`insert into tiercel_outbox (tags) values ('{new}')`;
  const { rows } = await follower.follow(cursor);
  expect(rows.map(({ targets }) => targets?.tags)).toEqual([['new']]);
});

test('beside a transaction that stays open, a look reads the new rows alone', async () => {
  await sql`truncate tiercel_outbox`;
  const [before] = await sql<{ xid: string }[]>`select pg_current_xact_id()::text as xid`;
  await sql`insert into tiercel_outbox (tags) select '{seen}' from generate_series(1, ${ROWS})`;
  const { cursor } = await follow(sql, undefined);
  // As it is given out while the transaction of `before` is still open.
  const held = `${before?.xid}:${cursor.split(':')[1]}:${before?.xid}`;
  await sql`insert into tiercel_outbox (tags) values ('{new}')`;
  const read = await entriesRead();
  const { rows, everything } = await follow(sql, held);
  expect([rows.map(({ targets }) => targets?.tags), everything]).toEqual([[['new']], false]);
  expect((await entriesRead()) - read).toBeLessThan(100);
});

test('a row of a transaction that was open when the cursor was given out is seen, once', async () => {
  await sql`truncate tiercel_outbox`;
  const [late] = await sql<{ xid: string }[]>`
    insert into tiercel_outbox (tags) values ('{late}') returning xid::text as xid`;
  await sql`insert into tiercel_outbox (tags) values ('{seen}')`;
  const { cursor } = await follow(sql, undefined);
  const held = `${late?.xid}:${cursor.split(':')[1]}:${late?.xid}`;
  const first = await follow(sql, held);
  expect(first.rows.map(({ targets }) => targets?.tags)).toEqual([['late']]);
  expect((await follow(sql, first.cursor)).rows).toEqual([]);
});
