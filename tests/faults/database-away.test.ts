import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { lru } from 'tiercel/lru';
import { outbox, outboxSql } from 'tiercel/postgres';
import { redis } from 'tiercel/redis';
import { createCache, type TieredCache } from '../../src/index.ts';
import { until } from '../../src/testing/until.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(30_000);

const KEYS = Array.from({ length: 50 }, (_, index) => `product:${index + 1}`);
/** Of what L2 holds, so much must be answered. */
const ANSWERED_SHARE = 0.99;
/** Small, so that a blink need not be long. */
const MAX_LAG_MS = 600;

const owned = new AsyncDisposableStack();
let redisLink: TcpProxy;
let databaseLink: TcpProxy;
let redisUrl: string;
let databaseUrl: string;
const namespace = uniqueNamespace('away');

beforeAll(async () => {
  const database = owned.use(await createDatabase());
  redisUrl = await sharedRedis();
  redisLink = owned.use(await startProxy({ target: redisUrl }));
  databaseLink = owned.use(await startProxy({ target: database.url }));
  databaseUrl = databaseLink.through(database.url);
  const sql = owned.adopt(postgres(database.url, { max: 1, onnotice: () => {} }), (client) => client.end());
  await sql`create table product (id int primary key, name text not null)`;
  await sql`insert into product select id, 'product ' || id from generate_series(1, ${KEYS.length}) id`;
  await sql.unsafe(outboxSql([]));
});

afterAll(() => owned.disposeAsync());

/** A process of its own, as far as the cache can tell. */
interface Process {
  readonly cache: TieredCache;
  readonly load: (key: string) => Promise<string>;
}

function startProcess(url: string): Process {
  const sql: Sql = owned.adopt(postgres(databaseUrl, { max: 2, connect_timeout: 1, onnotice: () => {} }), (client) =>
    client.end({ timeout: 0 }),
  );
  const tiers = redis(url, { namespace, onWarning: () => {} });
  const cache = owned.use(
    createCache({
      l1: lru(),
      ...tiers,
      outbox: outbox(sql),
      maxLag: MAX_LAG_MS,
      // The machine may be busy.
      defaults: { staleIfError: '1h', hardTimeout: '400ms', l2Timeout: '400ms' },
    }),
  );
  const load = async (key: string): Promise<string> => {
    const [row] = await sql<{ name: string }[]>`select name from product where id = ${Number(key.split(':')[1])}`;
    return row?.name ?? 'nothing';
  };
  return { cache, load };
}

/** Counts the keys that are answered with the value that L2 holds, flagged as stale. */
async function flagged({ cache, load }: Process): Promise<number> {
  const lookups = await Promise.allSettled(KEYS.map((key) => cache.lookup(key, () => load(key))));
  return lookups.filter(
    (each, index) =>
      each.status === 'fulfilled' && each.value.state === 'stale' && each.value.value === `product ${index + 1}`,
  ).length;
}

/** On a busy machine heartbeats may be late, and L2 is not asked then: waits until the share is reached; answers how many. */
function untilAnswered(process: Process): Promise<number> {
  const answered = async (): Promise<number> => {
    const count = await flagged(process);
    return count >= ANSWERED_SHARE * KEYS.length ? count : 0;
  };
  return until(answered, { what: 'flagged answers of what L2 holds', within: 15_000 });
}

const isInUse = ({ cache }: Process) => cache.health().l2?.healthy === true;

test('Redis answers for a database that is away: a process that starts, and one whose link to Redis blinks', async () => {
  const running = startProcess(redisLink.through(redisUrl));
  await until(() => isInUse(running), { what: 'L2 to be in use' });
  for (const key of KEYS) {
    const load = () => running.load(key);
    const isStored = async () =>
      (await running.cache.lookup(key, load, { forceFresh: true })).steps.l2?.stored === true;
    await until(isStored, { what: `${key} to be in L2` });
  }

  databaseLink.refuse();
  databaseLink.resetConnections();
  const started = startProcess(redisUrl);
  await until(() => started.cache.health().l2?.connected === true, { what: 'a connection to Redis' });
  const afterStart = await untilAnswered(started);
  expect(isInUse(started)).toBe(false);

  redisLink.refuse();
  redisLink.resetConnections();
  await Bun.sleep(3 * MAX_LAG_MS);
  await redisLink.accept();
  await until(() => running.cache.health().l2?.connected === true, { what: 'the link to be back' });
  const afterBlink = await untilAnswered(running);
  process.stdout.write(
    `[measured] database away, flagged answers of ${KEYS.length}: start ${afterStart}, blink ${afterBlink}\n`,
  );

  await databaseLink.accept();
  for (const process of [started, running]) {
    await until(() => isInUse(process), { what: 'L2 to be repaired', within: 10_000 });
    // After a load that failed the next try is due a moment later.
    const isFresh = async () =>
      (await process.cache.lookup('product:1', () => process.load('product:1'))).state === 'fresh';
    await until(isFresh, { what: 'an answer that is not flagged' });
  }
});
