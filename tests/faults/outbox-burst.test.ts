import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import Redis from 'ioredis';
import postgres, { type Sql } from 'postgres';
import { lru } from '../../src/adapters/lru/index.ts';
import { outbox, outboxSql } from '../../src/adapters/postgres/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { createCache, type TieredCache } from '../../src/index.ts';
import { until } from '../../src/testing/until.ts';
import { printFigures, timed } from '../integration/support/measure.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(120_000);

const DELETES = 3_000;
/** One way to the database: a statement takes 5 ms, whatever it does. */
const ONE_WAY_MS = 2.5;
/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + 1_500;
const KEYS = Array.from({ length: DELETES }, (_, index) => `k${index}`);

const owned = new AsyncDisposableStack();
let server: RedisServer;
let psql: Sql;
let caches: readonly TieredCache[];

beforeAll(async () => {
  server = owned.use(await startRedis());
  const database = await createDatabase();
  owned.defer(() => database.drop());
  const proxy = owned.use(await startProxy({ target: database.url }));
  proxy.impose({ latency: ONE_WAY_MS });
  psql = postgres(database.url, { max: 2, onnotice: () => {} });
  owned.defer(() => psql.end({ timeout: 1 }));
  await psql`create table books (id int primary key, title text not null)`;
  await psql`insert into books values (1, 'old')`;
  const watched = [{ table: 'books', keys: ['book:{id}'], all: ['books'] }];
  await psql.begin((tx) => tx.unsafe(outboxSql(watched)));
  const namespace = uniqueNamespace();
  caches = await Promise.all(
    [1, 2].map(async () => {
      const sql = postgres(proxy.through(database.url), { max: 2, onnotice: () => {} });
      owned.defer(() => sql.end({ timeout: 1 }));
      const tiers = redis(server.url, { namespace });
      const cache = owned.use(createCache({ l1: lru(), ...tiers, outbox: outbox(sql), defaults: { l2Timeout: '2s' } }));
      await cache.ready(5_000);
      return cache;
    }),
  );
});

afterAll(() => owned.disposeAsync());

const cacheAt = (index: number): TieredCache => {
  const cache = caches[index];
  if (cache === undefined) throw new Error(`There is no cache ${index}`);
  return cache;
};

/** The values of all keys, as a process finds them that would load `value`. */
async function readAll(cache: TieredCache, value: string): Promise<(string | null)[]> {
  const found: (string | null)[] = [];
  for (let at = 0; at < KEYS.length; at += 500) {
    const load = ({ keys }: { readonly keys: readonly string[] }) => keys.map((key) => [key, value] as const);
    found.push(...(await cache.getOrSetMany(KEYS.slice(at, at + 500), load, { ttl: '1h' })));
  }
  return found;
}

/** Redis keeps what it holds at this moment for its next start. */
async function save(): Promise<void> {
  const client = new Redis(server.url);
  await client.call('SAVE');
  client.disconnect();
}

const titleOf = (cache: TieredCache): Promise<string> =>
  cache.getOrSet('book:1', async () => {
    const [row] = await psql<{ title: string }[]>`select title from books where id = 1`;
    return row?.title ?? '';
  });

test(`${DELETES} deletes at once are all recorded, and no value of them comes back with an older save of Redis`, async () => {
  const [one, other] = [cacheAt(0), cacheAt(1)];
  await readAll(one, 'old');
  await one.getOrSet('kept', () => 'kept', { ttl: '1h' });
  for (const cache of caches) expect(await titleOf(cache)).toBe('old');
  await save();

  const deleting = timed(() => Promise.all(KEYS.map((key) => one.delete(key, { onPending: 'resolve' }))));
  await psql`update books set title = 'new' where id = 1`;
  const seeing = timed(() =>
    until(async () => (await titleOf(other)) === 'new', {
      what: 'the change from psql to be seen',
      every: 2,
      within: 60_000,
    }),
  );
  const [deleted, seen] = await Promise.all([deleting, seeing]);
  printFigures(`${DELETES} deletes together, and a change from psql at the same time`, [deleted.ms, seen.ms]);
  // What a busy machine could not write within a second is owed, and written behind it.
  await until(() => !one.health().pending.outbox, { what: 'everything to be recorded', within: 60_000 });
  const [row] = await psql<{ recorded: number }[]>`
    select count(distinct key)::int as recorded from tiercel_outbox, unnest(keys) key where key like 'k%'`;
  expect(row?.recorded).toBe(DELETES);
  expect(seen.ms).toBeLessThan(SEEN_WITHIN_MS);

  await server.restart({ keepData: true });
  await until(() => caches.every((cache) => cache.health().l2?.healthy === true), {
    what: 'Redis to be believed',
    within: 30_000,
  });
  const resurrected = (await readAll(other, 'new')).filter((value) => value !== 'new');
  expect(resurrected).toEqual([]);
  // The data of before are in use again: it is not a cold cache that has nothing old in it.
  expect(await other.lookup('kept', () => 'loaded')).toMatchObject({ value: 'kept', tier: 'l2' });
});
