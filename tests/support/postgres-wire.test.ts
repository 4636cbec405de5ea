import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { createDatabase } from './postgres-server.ts';
import { type PostgresWire, postgresWire } from './postgres-wire.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

setDefaultTimeout(30_000);

const owned = new AsyncDisposableStack();
let sql: Sql;
let wire: PostgresWire;
let proxy: TcpProxy;
const tags: string[] = [];
const sent: string[] = [];

beforeAll(async () => {
  const database = owned.use(await createDatabase());
  wire = postgresWire({
    onDone: (connection, tag) => tags.push(`${connection.label}: ${tag}`),
    onSent: (_, text) => sent.push(text),
  });
  proxy = owned.use(await startProxy({ target: database.url, ...wire.observers }));
  sql = postgres(proxy.through(database.url), { max: 1, connection: { application_name: 'watched' } });
  owned.defer(() => sql.end());
});

afterAll(() => owned.disposeAsync());

test('a connection is known by the name of its session and by its server process', async () => {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const [connection] = proxy.connections;
  if (connection === undefined || row === undefined) throw new Error('there is no connection');
  expect([connection.label, wire.backend(connection)]).toEqual(['watched', row.pid]);
});

test('each statement that is done is seen, however its answer is cut into chunks', async () => {
  tags.length = 0;
  const slices = proxy.impose({ slice: 7 });
  await sql.begin(async (tx) => {
    await tx`create table goods (id int)`;
    await tx`insert into goods select generate_series(1, 3)`;
  });
  slices.lift();
  expect(tags).toEqual(['BEGIN', 'CREATE TABLE', 'INSERT 0 3', 'COMMIT'].map((tag) => `watched: ${tag}`));
});

test('the text of a parameter is seen when it is sent, also where the statement is known already', async () => {
  const select = (text: string) => sql`select ${text}::text`;
  await select('first');
  sent.length = 0;
  await select('second');
  expect(sent.some((text) => text.includes('second'))).toBe(true);
  expect(sent.some((text) => text.includes('select'))).toBe(false);
});
