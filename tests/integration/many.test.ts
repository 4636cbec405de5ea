import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import postgres from 'postgres';
import { createCache, type ManyLoaderContext, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { isInUse } from '../soak/library-pair.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { redisWire } from '../support/redis-wire.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

/** So that no heartbeat is sent while commands are counted: they come every third of it. */
const MAX_LAG = '10m';
const KEYS = Array.from({ length: 100 }, (_, index) => `item:${index + 1}`);

const owned = new AsyncDisposableStack();
const wire = redisWire();
/** Statements that the database was sent. */
const statements: string[] = [];
let sql: postgres.Sql;
let one: TieredCache;
let two: TieredCache;
let calls = 0;

beforeAll(async () => {
  const [url, database] = await Promise.all([sharedRedis(), createDatabase()]);
  owned.use(database);
  sql = postgres(database.url, { max: 1, debug: (_connection, query) => void statements.push(query) });
  owned.defer(() => sql.end());
  await sql`create table items as select id, 'item ' || id as name from generate_series(1, 100) id`;
  const namespace = uniqueNamespace('many');
  const proxy = owned.use(await startProxy({ target: url, ...wire.observers }));
  const start = async (): Promise<TieredCache> => {
    const tiers = { l1: lru(), ...redis(proxy.through(url), { namespace }) };
    // Patient: it is counted what is sent, not how soon it is answered.
    const cache = owned.use(createCache({ ...tiers, maxLag: MAX_LAG, defaults: { l2Timeout: '5s' } }));
    await until(() => isInUse(cache), { what: 'the first proof' });
    return cache;
  };
  [one, two] = await Promise.all([start(), start()]);
});

afterAll(() => owned.disposeAsync());

async function load({ keys }: ManyLoaderContext): Promise<(readonly [string, string])[]> {
  calls += 1;
  const ids = keys.map((key) => Number(key.slice('item:'.length)));
  const rows = await sql<{ id: number; name: string }[]>`select id, name from items where id = any(${ids})`;
  return rows.map(({ id, name }) => [`item:${id}`, name] as const);
}

/** What a step has sent to Redis, by command, and to the database. */
async function sentBy(step: () => Promise<unknown>): Promise<Record<string, number>> {
  wire.forget();
  statements.length = 0;
  calls = 0;
  await step();
  const count = (name: string): number => wire.count(name);
  const selects = statements.filter((statement) => /^\s*select/i.test(statement)).length;
  return { mget: count('MGET'), get: count('GET'), set: count('SET'), selects, calls };
}

const names = KEYS.map((key) => key.replace(':', ' '));
const read = (cache: TieredCache) => async () => expect(await cache.getOrSetMany(KEYS, load)).toEqual(names);

describe('a hundred keys at once', () => {
  test('that no tier holds are one MGET, one call of the loader and one select', async () => {
    expect(await sentBy(read(one))).toEqual({ mget: 1, get: 0, set: 0, selects: 1, calls: 1 });
  });

  test('that L2 has are one MGET, and then nothing', async () => {
    expect(await sentBy(read(two))).toEqual({ mget: 1, get: 0, set: 0, selects: 0, calls: 0 });
    expect(await sentBy(read(two))).toEqual({ mget: 0, get: 0, set: 0, selects: 0, calls: 0 });
  });

  test('are deleted with one script, and not found by one MGET', async () => {
    wire.forget();
    await one.deleteMany(KEYS);
    expect(wire.count('EVALSHA') + wire.count('EVAL')).toBeLessThanOrEqual(2);
    await until(() => KEYS.every((key) => two.peek(key) === undefined), { what: 'the other to have heard' });
    const found = async () => expect(await two.getMany(KEYS)).toEqual(KEYS.map(() => undefined));
    expect(await sentBy(found)).toEqual({ mget: 1, get: 0, set: 0, selects: 0, calls: 0 });
  });

  test('are stored together, and read by the other with one MGET', async () => {
    expect(await one.setMany(KEYS.map((key) => [key, key] as const))).toEqual(KEYS.map(() => true));
    const found = async () => expect(await two.getMany<string>(KEYS)).toEqual(KEYS);
    expect(await sentBy(found)).toMatchObject({ mget: 1, get: 0 });
  });
});
