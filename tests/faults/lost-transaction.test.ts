import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { transaction } from '../../src/adapters/postgres/index.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(30_000);

const owned = new AsyncDisposableStack();
let sql: Sql;
let admin: Sql;
let proxy: TcpProxy;

beforeAll(async () => {
  const database = owned.use(await createDatabase());
  proxy = owned.use(await startProxy({ target: database.url }));
  admin = postgres(database.url, { max: 1 });
  owned.defer(() => admin.end());
  sql = postgres(proxy.through(database.url), { max: 2, backoff: () => 0.02 });
  owned.defer(() => sql.end());
  await sql`create table goods (id int)`;
});

afterAll(() => owned.disposeAsync());

const LOSSES: Readonly<Record<string, (pid: number) => unknown>> = {
  'whose backend is ended': (pid) => admin`select pg_terminate_backend(${pid})`.execute(),
  'whose connection is reset': () => proxy.resetConnections(),
};

for (const [what, lose] of Object.entries(LOSSES)) {
  test(`a transaction ${what} rejects, and the next ones are as if nothing had been`, async () => {
    for (let round = 0; round < 5; round += 1) {
      const lost = transaction(sql, async (tx) => {
        const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
        const asleep = Promise.all([tx`insert into goods values (1)`, tx`select pg_sleep(10)`]);
        lose(row?.pid ?? 0);
        await asleep;
      });
      await expect(lost).rejects.toThrow();
      // What the client remembers of the loss is told once to whoever comes next on that connection.
      await Promise.allSettled(Array.from({ length: 4 }, () => sql`select 1`));
      expect(await transaction(sql, async (tx) => [...(await tx`select count(*)::int as count from goods`)])).toEqual([
        { count: 0 },
      ]);
    }
  });
}

test('a transaction that fails by itself is rolled back, and one that does not is committed', async () => {
  const failing = transaction(sql, async (tx) => {
    await tx`insert into goods values (2)`;
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  const elsewhere = transaction(sql, async (tx) => {
    await tx`insert into goods values (2)`;
    throw Object.assign(new Error('the upload was cut off'), { code: 'ECONNRESET' });
  });
  await expect(elsewhere).rejects.toThrow('the upload was cut off');
  const refused = transaction(sql, (tx) => tx`insert into nothing values (2)`);
  await expect(refused).rejects.toThrow('does not exist');
  await transaction(sql, (tx) => tx`insert into goods values (3)`, 'isolation level serializable');
  expect((await sql<{ id: number }[]>`select id from goods`).map(({ id }) => id)).toEqual([3]);
});
