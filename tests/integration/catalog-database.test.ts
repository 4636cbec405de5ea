import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { openDatabase } from '../../src/catalog/database.ts';
import { listProducts } from '../../src/catalog/queries.ts';
import { until } from '../../src/testing/until.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { PATIENCE } from './catalog-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

describe('a server', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('knows who we are and ends what runs too long', async () => {
    const { sql, close } = await openDatabase({ url: server.url, applicationName: 'shelf' });
    const [settings] = await sql`
      select current_setting('application_name') as name, current_setting('statement_timeout') as statement,
             current_setting('idle_in_transaction_session_timeout') as idle`;
    await close();
    expect(settings).toEqual({ name: 'shelf', statement: '30s', idle: '30s' });
  });

  test('never sees more connections than the pool may have', async () => {
    const { sql, close } = await openDatabase({ url: server.url, pool: 3, applicationName: 'three' });
    const seen = await Promise.all(
      Array.from({ length: 30 }, () => sql<{ pid: number }[]>`select pg_backend_pid() as pid, pg_sleep(0.01)`),
    );
    await close();
    expect(new Set(seen.map(([row]) => row?.pid)).size).toBe(3);
  });

  test(
    'that goes away fails queries at once and is found again when it is back',
    async () => {
      const { sql, close } = await openDatabase({ url: server.url, pool: 2 });
      await sql`select 1`;
      await server.kill();
      const failure = await sql`select 1`.catch((error: { code: string }) => error.code);
      expect(['CONNECTION_CLOSED', 'ECONNREFUSED', 'ECONNRESET']).toContain(failure as string);
      await server.restart();
      await until(async () => (await sql`select 1 as one`).length, {
        within: 3_000,
        what: 'the pool to have recovered',
      });
      await close();
    },
    PATIENCE,
  );

  test(
    'that answers nothing any more does not hold up the end',
    async () => {
      await using proxy = await startProxy({ target: server.url });
      const { sql, close } = await openDatabase({ url: proxy.through(server.url), pool: 1 });
      await sql`select 1`;
      proxy.impose({ swallow: true });
      const running = sql`select 1`.catch((error: { code: string }) => error.code);
      const start = performance.now();
      await close();
      expect(performance.now() - start).toBeLessThan(4_000);
      expect(await running).toBe('CONNECTION_DESTROYED');
    },
    PATIENCE,
  );
});

describe('the embedded database', () => {
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('tiercel-pglite-'));

  test(
    'takes any number of queries and transactions at once, over its one connection',
    async () => {
      const { sql, embedded, close } = await openDatabase();
      expect(embedded).toBe(true);
      const rename = (n: number) =>
        sql.begin(async (tx) => {
          await tx`update products set name = ${`Name ${n}`} where id = ${n}`;
          if (n % 2 === 0) throw new Error('even');
        });
      const renamed = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => rename(n + 1)));
      expect(renamed.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
      const pages = await Promise.all(Array.from({ length: 50 }, () => listProducts(sql, 1, 40, 0)));
      for (const page of pages)
        expect(page.map(({ id, name }) => name === `Name ${id}`)).toEqual(page.map(({ id }) => id % 2 === 1));
      await close();
    },
    PATIENCE,
  );

  test(
    'leaves nothing behind, and another one knows nothing of it',
    async () => {
      const before = folders();
      const first = await openDatabase();
      expect(folders()).toHaveLength(before.length + 1);
      await first.sql`delete from products`;
      const second = await openDatabase();
      const [row] = await second.sql`select count(*) as n from products`;
      expect(row?.n).toBe(1_000);
      await Promise.all([first.close(), second.close()]);
      expect(folders()).toEqual(before);
    },
    PATIENCE,
  );
});
