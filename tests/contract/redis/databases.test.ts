import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { lru } from '../../../src/adapters/lru/index.ts';
import { redis } from '../../../src/adapters/redis/index.ts';
import { type CacheEvent, createCache } from '../../../src/index.ts';
import { CACHE, connect, token } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let small: RedisServer;
let server: RedisServer;

beforeAll(async () => {
  [small, server] = await Promise.all([startRedis({ config: { databases: '1' } }), startRedis()]);
});

afterAll(() => Promise.all([small.stop(), server.stop()]));

/** A cache, and what it tells. */
function watched(url: string, name = uniqueNamespace()) {
  const events: CacheEvent[] = [];
  const options = { name, l1: lru(), observers: [(event: CacheEvent) => events.push(event)] };
  return { cache: createCache({ ...options, ...redis(url) }), events };
}

const alarmsOf = (events: readonly CacheEvent[]) =>
  events.flatMap((event) =>
    event.type === 'alarm' ? [event.error instanceof Error ? event.error.message : String(event.error)] : [],
  );

describe('a database that the server does not give', () => {
  let admin: Redis;

  beforeAll(() => {
    admin = new Redis(small.url);
  });

  beforeEach(() => admin.flushall());

  afterAll(() => admin.disconnect());

  test('is one alarm and no connection, and nothing is written to database 0', async () => {
    const { cache, events } = watched(`${small.url}/3`);
    await until(() => alarmsOf(events).length > 0, { what: 'the alarm' });
    expect(await cache.getOrSet('a', () => 'loaded')).toBe('loaded');
    await cache.delete('b').catch(() => undefined);
    const before = await attempts(admin);
    await until(async () => (await attempts(admin)) >= before + 6, { what: 'more attempts of both connections' });
    expect(await cache.ready(0)).toBe(false);
    expect(alarmsOf(events)).toEqual(['Redis does not give us database 3: ERR DB index is out of range']);
    expect(cache.health().l2).toMatchObject({ connected: false });
    expect(await admin.dbsize()).toBe(0);
    expect(Number((await admin.pubsub('NUMSUB', `{${cache.name}.0}:bus:3`))[1])).toBe(0);
    await cache.close();
  });

  test('is none for the connection that listens to evictions either', async () => {
    await admin.config('SET', 'notify-keyspace-events', 'Ee');
    const { l2 } = redis(`${small.url}/3`, { namespace: uniqueNamespace() });
    l2.start({ onConnect() {}, onDisconnect() {}, onAlarm() {} }, CACHE);
    const before = await attempts(admin);
    l2.watchEvictions(() => undefined);
    await until(async () => (await attempts(admin)) > before, { what: 'the connection' });
    await until(async () => !String(await admin.client('LIST')).includes(':evictions'), { what: 'its end' });
    expect(await admin.pubsub('CHANNELS', '__keyevent@*')).toEqual([]);
    await l2.close();
  });

  test('is found out when a user may not select it', async () => {
    const control = new Redis(server.url);
    await control.acl('SETUSER', 'bound', 'on', 'nopass', 'allkeys', 'allchannels', '+@all', '-select');
    const url = server.url.replace('redis://', 'redis://bound:any@');
    const { cache, events } = watched(`${url}/1`);
    await until(() => alarmsOf(events).length > 0, { what: 'the alarm' });
    expect(alarmsOf(events)[0]).toMatch(/^Redis does not give us database 1: NOPERM/);
    expect(await control.dbsize()).toBe(0);
    // It is mended without a restart; and database 0 needs no right to select.
    await control.acl('SETUSER', 'bound', '+select');
    expect(await cache.ready(5_000)).toBe(true);
    await control.acl('SETUSER', 'bound', '-select');
    const { cache: other } = watched(url);
    expect(await other.ready(5_000)).toBe(true);
    await Promise.all([cache.close(), other.close()]);
    await control.flushall();
    control.disconnect();
  });
});

describe('databases of one server', () => {
  test('have channels of their own: an invalidation in one leaves the L1 of the other', async () => {
    const name = uniqueNamespace();
    const { cache: zero, events } = watched(server.url, name);
    const { cache: one } = watched(`${server.url}/1`, name);
    expect(await Promise.all([zero.ready(5_000), one.ready(5_000)])).toEqual([true, true]);
    await zero.getOrSet('kept', () => 'v');
    await one.getOrSet('a', () => 'v');
    events.length = 0;
    for (let round = 0; round < 50; round += 1) await one.delete('a');
    // A heartbeat of the other one comes behind them all.
    await zero.delete('b');
    expect(zero.peek<string>('kept')).toBe('v');
    expect(await zero.lookup('kept', () => 'loaded again')).toMatchObject({ value: 'v', tier: 'l1' });
    expect(events.filter(({ type }) => type === 'bus_gap' || type === 'bus_resync')).toEqual([]);
    await Promise.all([zero.close(), one.close()]);
  });

  test('of a client passed in count as it has selected them at that time', async () => {
    const client = new Redis(server.url);
    await client.select(2);
    const namespace = uniqueNamespace();
    const { l2 } = redis(client, { namespace });
    await client.select(4);
    const { tier } = await connect(l2);
    await tier.acquire('a', 'g', token(), 60_000);
    const admin = new Redis(`${server.url}/2`);
    expect(await admin.keys(`{${namespace}.0}*`)).toHaveLength(1);
    await tier.close();
    client.disconnect();
    admin.disconnect();
  });

  test('of a client that connects again is the one that it will select again', async () => {
    const client = new Redis(server.url, { retryStrategy: () => 60_000 });
    client.on('error', () => undefined);
    await client.select(3);
    client.disconnect(true);
    await until(() => client.status === 'reconnecting', { what: 'the pause before the next attempt' });
    const namespace = uniqueNamespace();
    const { tier } = await connect(redis(client, { namespace }).l2);
    await tier.acquire('a', 'g', token(), 60_000);
    const admin = new Redis(`${server.url}/3`);
    expect(await admin.keys(`{${namespace}.0}*`)).toHaveLength(1);
    await tier.close();
    client.disconnect();
    admin.disconnect();
  });
});

/** Connections that the server has seen. */
async function attempts(admin: Redis): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
}
