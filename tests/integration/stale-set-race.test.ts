import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { until } from '../../src/testing/until.ts';
import { uniqueNamespace } from '../support/redis-server.ts';
import { isBus, redisWire } from '../support/redis-wire.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { productPath, readProduct, renameProduct } from './support/catalog-requests.ts';
import { type AnswerHolder, startAnswerHolder } from './support/held-answers.ts';
import { startInstance } from './support/instances.ts';
import { NaiveCache } from './support/naive-cache.ts';
import { type Contestant, nameAfter, nameBefore, type RaceResult, runRace } from './support/stale-set-race.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ROUNDS = 50;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let holder: AnswerHolder;
let redis: Redis;
let redisProxy: TcpProxy;
let held: ServiceProcess;
let free: ServiceProcess;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  holder = owned.use(await startAnswerHolder(catalog.env.DATABASE_URL));
  redis = new Redis(catalog.env.REDIS_URL);
  owned.defer(() => redis.disconnect());
  const sql = postgres(catalog.env.DATABASE_URL, { max: 1 });
  await sql`update products set name = 'Before ' || id`;
  await sql.end();

  redisProxy = owned.use(await startProxy({ target: catalog.env.REDIS_URL, ...redisWire().observers }));
  const heldEnv = {
    ...catalog.env,
    REDIS_URL: redisProxy.through(catalog.env.REDIS_URL),
    DATABASE_URL: holder.proxy.through(catalog.env.DATABASE_URL),
    // One may be held in the middle of something else, such as a refresh of the dashboards.
    DATABASE_POOL: '2',
    // A fill that a busy machine answers late is no refused fill, and the question here is another one.
    REDIS_TIMEOUT_MS: '1000',
  };
  [held, free] = await Promise.all([
    startInstance(owned, heldEnv),
    startInstance(owned, { ...catalog.env, REDIS_TIMEOUT_MS: '1000' }),
  ]);
  // The connections are open then and know the statement: only its execution is left to be held.
  await Promise.all(range(991, 10).map((id) => readProduct(held, id)));
}, 60_000);

afterAll(() => owned.disposeAsync());

const range = (first: number, length = ROUNDS) => Array.from({ length }, (_, index) => first + index);

/** Runs the race for so many products; every other one goes with a refill before the old answer arrives. */
async function runRaces(contestant: Contestant, ids: readonly number[]): Promise<RaceResult[]> {
  const results: RaceResult[] = [];
  for (const id of ids) results.push(await runRace(contestant, holder, id, id % 2 === 0));
  return results;
}

const tiercel: Contestant = {
  readHeld: async (id) => (await readProduct(held, id)).name,
  readFree: async (id) => (await readProduct(free, id)).name,
  async write(id, name) {
    const answer = await renameProduct(free, id, name);
    expect([answer.status, answer.headers.get('cache-status')]).toEqual([200, null]);
  },
  async inRedis(id) {
    const keys = await redis.keys(`{${catalog.env.CACHE_NAMESPACE}.0}:e:*:product:*:${id}`);
    const values = await Promise.all(keys.map((key) => redis.get(key)));
    return values.length === 0 ? undefined : values.join('\n');
  },
};

test(`Tiercel: every instance and Redis have the new value, ${ROUNDS} of ${ROUNDS}`, async () => {
  const results = await runRaces(tiercel, range(1));
  expect(results.filter(({ stale }) => stale.length > 0)).toEqual([]);
  expect(results).toHaveLength(ROUNDS);
}, 60_000);

test('the same while no message reaches the instance that loads: Redis itself refuses what it would store', async () => {
  // The generation of the org's tag is known from here on: not even that tells the instance that something has changed.
  await tiercel.readHeld(400);
  const silence = redisProxy.impose({ hold: true }, { direction: 'toClient', where: isBus });
  try {
    expect((await runRaces(tiercel, range(301, 10))).filter(({ stale }) => stale.length > 0)).toEqual([]);
  } finally {
    silence.lift();
  }
});

test(`naive cache-aside fails the same test: the old value everywhere, ${ROUNDS} of ${ROUNDS}`, async () => {
  await using clients = new AsyncDisposableStack();
  const connect = (url: string) => {
    const sql = postgres(url, { max: 1 });
    clients.defer(() => sql.end());
    return sql;
  };
  const prefix = uniqueNamespace('naive');
  const slow = new NaiveCache(redis, connect(holder.proxy.through(catalog.env.DATABASE_URL)), prefix);
  const quick = new NaiveCache(redis, connect(catalog.env.DATABASE_URL), prefix);
  await slow.read(999);

  const results = await runRaces(
    {
      readHeld: (id) => slow.read(id),
      readFree: (id) => quick.read(id),
      write: (id, name) => quick.write(id, name),
      inRedis: (id) => quick.peek(id),
    },
    range(101),
  );
  expect(results).toEqual(range(101).map((id) => ({ id, stale: ['held', 'free', 'redis'] })));
}, 60_000);

test('who comes after the acknowledgement does not wait for the load from before it', async () => {
  const id = 201;
  const answers = holder.hold();
  const before = readProduct(held, id);
  try {
    await answers.contain(nameBefore(id));
    await tiercel.write(id, nameAfter(id));
    await tiercel.readFree(id);
    const after = await until(
      async () => await (await held.fetch(productPath(id), { signal: AbortSignal.timeout(250) })).json(),
      { what: 'an answer while the old one is held', within: 2_000 },
    );
    expect(after).toMatchObject({ name: nameAfter(id) });
  } finally {
    answers.release();
  }
  // Who came before the change may have either value.
  expect([nameBefore(id), nameAfter(id)]).toContain((await before).name);
  expect((await readProduct(held, id)).name).toBe(nameAfter(id));
});
