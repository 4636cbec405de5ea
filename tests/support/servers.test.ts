import { expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { until } from '../../src/testing/until.ts';
import { createDatabase, startPostgres } from './postgres-server.ts';
import { sharedRedis, startRedis, uniqueNamespace } from './redis-server.ts';

setDefaultTimeout(30_000);

/** A client that fails at once rather than waiting for a server that is away. */
function connect(url: string): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: 0, commandTimeout: 2_000, retryStrategy: () => 20 });
  client.on('error', () => {});
  return client;
}

const isStopped = (pid: number | undefined) =>
  Bun.spawnSync(['ps', '-o', 'stat=', '-p', String(pid)])
    .stdout.toString()
    .startsWith('T');

test('a Redis answers, forgets everything when restarted, and keeps what it saved when told to', async () => {
  await using server = await startRedis({ password: 'a b/c', config: { maxmemory: '32mb' } });
  const client = connect(server.url);
  const value = () => client.get('key');
  await client.set('key', 'saved');
  expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', String(32 * 2 ** 20)]);
  await client.call('SAVE');
  await client.set('key', 'not saved');

  const before = server.pid;
  await server.restart({ keepData: true });
  expect(server.pid).not.toBe(before);
  expect(await until(value, { what: 'the restarted server to answer' })).toBe('saved');

  await server.restart();
  expect(await until(async () => [await value()], { what: 'the restarted server to answer' })).toEqual([null]);
  client.disconnect();
});

test('a paused Redis answers no client until it is resumed', async () => {
  await using server = await startRedis();
  const client = connect(server.url);
  await client.ping();
  server.pause();
  let answered = false;
  const reply = client.echo('hello').then((text) => {
    answered = true;
    return text;
  });
  await until(() => isStopped(server.pid), { what: 'the process to be stopped' });
  expect(answered).toBe(false);
  server.resume();
  expect(await reply).toBe('hello');
  client.disconnect();
});

test('the shared Redis is the same for every caller, namespaces are not', async () => {
  expect(await sharedRedis()).toBe(await sharedRedis());
  expect(uniqueNamespace('orders')).toMatch(/^orders-[0-9a-f]{12}$/);
  expect(uniqueNamespace()).not.toBe(uniqueNamespace());
});

test('a database is empty, of its own, and gone once dropped', async () => {
  const database = await createDatabase();
  const sql = postgres(database.url, { max: 1 });
  expect([...(await sql`select current_database() as name`)]).toEqual([{ name: database.name }]);
  await sql`create table t (id int)`;
  await sql.end();
  await database.drop();
  await database.drop();
  const late = postgres(database.url, { max: 1 });
  await expect((async () => late`select 1`)()).rejects.toThrow('does not exist');
  await late.end();
});

test('a PostgreSQL keeps its data and its log over a crash and a restart', async () => {
  await using server = await startPostgres({ config: { log_statement: 'all', fsync: 'on', synchronous_commit: 'on' } });
  const sql = postgres(server.url, { max: 1, idle_timeout: 1, onnotice: () => {} });
  await sql`create table kept (id int)`;
  await sql`insert into kept values (7)`;
  await server.kill();
  await server.restart();
  const rows = await until(() => sql`select id from kept`, { what: 'the restarted server to answer' });
  expect([...rows]).toEqual([{ id: 7 }]);
  expect(server.log()).toContain('insert into kept values (7)');
  expect(server.log().match(/ready to accept connections/g)).toHaveLength(2);
  await sql.end();
});

test('a paused PostgreSQL stops its backends too', async () => {
  await using server = await startPostgres();
  const sql = postgres(server.url, { max: 1 });
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  server.pause();
  for (const pid of [server.pid, backend?.pid])
    await until(() => isStopped(pid), { what: `process ${pid} to be stopped` });
  let answered = false;
  const reply = sql`select 2 as two`.then((rows) => {
    answered = true;
    return rows[0];
  });
  expect(answered).toBe(false);
  server.resume();
  expect(await reply).toEqual({ two: 2 });
  await sql.end();
});
