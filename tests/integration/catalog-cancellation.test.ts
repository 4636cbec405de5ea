import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { cancellable } from '../../src/adapters/postgres/index.ts';
import { type Database, openDatabase } from '../../src/catalog/database.ts';
import { until } from '../../src/testing/until.ts';
import { createDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let store: TestDatabase;
let watcher: Database;

beforeAll(async () => {
  store = await createDatabase();
  watcher = await openDatabase({ url: store.url, pool: 1, applicationName: 'watcher' });
});

afterAll(async () => {
  await watcher.close();
  await store.drop();
});

/** How many statements that contain `marker` the server is working on. */
async function running(marker: string): Promise<number> {
  const rows = await watcher.sql`
    select from pg_stat_activity
    where state = 'active' and application_name <> 'watcher' and query like ${`%${marker}%`}`;
  return rows.length;
}

/** An application name for each pool, so that one test's statements are not another's. */
async function openPool(pool: number, url = store.url): Promise<Database> {
  return openDatabase({ url, pool });
}

describe('cancellable', () => {
  test('frees the caller at once and stops the statement on the server', async () => {
    await using cleanup = new AsyncDisposableStack();
    const { sql, close } = await openPool(1);
    cleanup.defer(close);
    const controller = new AbortController();
    const answer = cancellable(sql`select pg_sleep(20), 'victim'`, controller.signal).catch((error: unknown) => error);
    await until(() => running('victim'), { what: 'the statement to run' });

    controller.abort(new Error('nobody waits'));

    expect(await answer).toEqual(new Error('nobody waits'));
    await until(async () => (await running('victim')) === 0, { within: 2_000, what: 'the statement to be gone' });
    expect([...(await sql`select 1 as one`)]).toEqual([{ one: 1 }]);
  });

  test('never starts a query whose signal is aborted already', async () => {
    const { sql, close } = await openPool(1);
    const answer = cancellable(sql`create table never_made ()`, AbortSignal.abort('too late'));
    expect(await answer.catch((reason: unknown) => reason)).toBe('too late');
    const [row] = await sql`select to_regclass('never_made') as made`;
    await close();
    expect(row?.made).toBeNull();
  });

  test('passes rows and errors through, and leaves no listener behind', async () => {
    const { sql, close } = await openPool(1);
    const { signal } = new AbortController();
    const listening = new Set<unknown>();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
      listening.add(listener);
      add(type, listener, options);
    };
    signal.removeEventListener = (type: string, listener: EventListener) => {
      listening.delete(listener);
      remove(type, listener);
    };

    const pending = cancellable(sql<{ n: number }[]>`select ${7}::bigint as n`, signal);
    expect(listening.size).toBe(1);
    expect([...(await pending)]).toEqual([{ n: 7 }]);
    await until(() => listening.size === 0, { what: 'the listener to be removed' });

    const failing = cancellable(sql`select 1 / ${0}::int`, signal);
    expect(await failing.catch((error: { code: string }) => error.code)).toBe('22012');
    await until(() => listening.size === 0, { what: 'the listener to be removed' });
    await close();
  });

  test('a query abandoned before its connection is open does not block the pool', async () => {
    const { sql, close } = await openPool(1);
    const controller = new AbortController();
    const answer = cancellable(sql`select pg_sleep(20), 'early'`, controller.signal).catch((reason: unknown) => reason);
    controller.abort('early');
    expect(await answer).toBe('early');
    expect([...(await sql`select 2 as two`)]).toEqual([{ two: 2 }]);
    await close();
  });

  test('a query abandoned behind another one leaves everybody their own rows', async () => {
    const { sql, close } = await openPool(1);
    const rowOf = (n: number, signal?: AbortSignal) =>
      cancellable(sql<{ n: number }[]>`select ${n}::bigint as n`, signal);
    // Prepared beforehand: only then does the client put several queries on one connection.
    await rowOf(0);
    await sql`select pg_sleep(${0}), 'head'`;
    const head = sql`select pg_sleep(${0.5}), 'head'`.execute();
    const controller = new AbortController();
    const abandoned = rowOf(1, controller.signal).catch((reason: unknown) => reason);
    const next = rowOf(2);
    await until(() => running('head'), { what: 'the first statement to run' });

    controller.abort('gone');

    expect(await abandoned).toBe('gone');
    await head;
    expect([...(await next)]).toEqual([{ n: 2 }]);
    expect([...(await rowOf(3))]).toEqual([{ n: 3 }]);
    await close();
  });

  test('keeps asking while the server cannot be reached, and rejects nothing unhandled', async () => {
    await using proxy = await startProxy({ target: store.url });
    const { sql, close } = await openPool(1, proxy.through(store.url));
    const controller = new AbortController();
    const answer = cancellable(sql`select pg_sleep(20), 'patient'`, controller.signal).catch(
      (reason: unknown) => reason,
    );
    await until(() => running('patient'), { what: 'the statement to run' });

    proxy.refuse();
    controller.abort('cut off');
    expect(await answer).toBe('cut off');
    expect(await running('patient')).toBe(1);

    await proxy.accept();
    await until(async () => (await running('patient')) === 0, { what: 'the statement to be cancelled after all' });
    await close();
  });
});
