import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { epochOf } from '../../../src/adapters/redis/connection/server-identity.ts';
import { redis } from '../../../src/adapters/redis/index.ts';
import { keyspace } from '../../../src/adapters/redis/protocol/keyspace.ts';
import { LONGEST_DURATION_MS } from '../../../src/core/model/duration.ts';
import { RemoteError } from '../../../src/core/ports/remote-tier.ts';
import { CACHE, connect, LONG, orderOf, subscribe, token } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let server: RedisServer;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** A tier that may never connect, and what its listener was told. */
function watch(url: string) {
  const tier = redis(url, { namespace: uniqueNamespace() }).l2;
  const alarms: string[] = [];
  const events: string[] = [];
  tier.start(
    {
      onConnect: () => events.push('connected'),
      onDisconnect: () => events.push('disconnected'),
      onAlarm: (error) => alarms.push(error.message),
    },
    CACHE,
  );
  return { tier, alarms, events };
}

const as = (user: string) => server.url.replace('redis://', `redis://${user}@`);

/** A connection where the generation `g` is agreed. */
async function agreedTier(namespace: string) {
  const { tier } = await connect(redis(server.url, { namespace }).l2);
  const { epoch } = await tier.heartbeat('one', token());
  await tier.agreeGeneration(epoch, 'g');
  return tier;
}

describe('what an operator must mend', () => {
  test('a wrong password is an alarm once, and is noticed when it is mended', async () => {
    await admin.acl('SETUSER', 'alice', 'on', '>right', 'allkeys', 'allchannels', '+@all');
    const { tier, alarms, events } = watch(as('alice:wrong'));
    await until(() => alarms.length > 0, { what: 'the alarm' });
    expect(alarms[0]).toStartWith('WRONGPASS');
    const before = await attempts();
    await until(async () => (await attempts()) >= before + 2, { what: 'two more attempts' });
    expect(alarms).toHaveLength(1);
    expect(events).toEqual([]);
    expect((await tier.read('a', 'g').catch((error) => error)).failure).toBe('unavailable');
    await admin.acl('SETUSER', 'alice', '>wrong');
    await until(() => events.includes('connected'), { what: 'the connection' });
    await tier.close();
  });

  test('a missing right to scripts is an alarm, and no connection', async () => {
    await admin.acl('SETUSER', 'bob', 'on', 'nopass', 'allkeys', 'allchannels', '+@all', '-script');
    const { tier, alarms, events } = watch(as('bob:any'));
    await until(() => alarms.length > 0, { what: 'the alarm' });
    expect(alarms[0]).toStartWith('NOPERM');
    expect(events).toEqual([]);
    await tier.close();
  });

  test('a missing right to a command is denied, not an outage', async () => {
    await admin.acl('SETUSER', 'carol', 'on', 'nopass', 'allkeys', 'allchannels', '+@all', '-get');
    const { tier } = await connect(redis(as('carol:any'), { namespace: uniqueNamespace() }).l2);
    expect((await tier.read('a', 'g').catch((error) => error)).failure).toBe('denied');
    expect(await tier.acquire('a', 'g', token(), LONG)).toEqual({ kind: 'none' });
    await tier.close();
  });

  test('a missing right to the channels is told by the bus once', async () => {
    await admin.acl('SETUSER', 'dave', 'on', 'nopass', 'allkeys', 'resetchannels', '+@all');
    const { bus } = redis(as('dave:any'), { namespace: uniqueNamespace() });
    const errors: (string | undefined)[] = [];
    const events: string[] = [];
    bus.start(
      'one',
      {
        onSubscribed: () => events.push('subscribed'),
        onMessage: () => undefined,
        onMalformed: () => undefined,
        onUnsubscribed: (error) => errors.push(error?.message),
      },
      CACHE,
    );
    await until(() => errors.length > 0, { what: 'the refusal' });
    expect(errors[0]).toStartWith('NOPERM');
    const before = await attempts();
    await until(async () => (await attempts()) >= before + 2, { what: 'two more attempts' });
    await admin.acl('SETUSER', 'dave', 'allchannels');
    await until(() => events.includes('subscribed'), { what: 'the subscription' });
    expect(errors).toHaveLength(1);
    await bus.close();
  });

  test('of several keys one of another type holds nothing, and is taken like the others', async () => {
    const namespace = uniqueNamespace();
    const { tier } = await connect(redis(server.url, { namespace }).l2);
    const { time } = await tier.heartbeat('one', token());
    for (const others of [1, 20]) {
      const key = keyspace(namespace, CACHE, 0).entry('a', 'g');
      await admin.del(key);
      await admin.rpush(key, 'x');
      const ids = ['a', ...Array.from({ length: others }, (_, index) => `${others} ${index}`)];
      const lease = token();
      const taken = await tier.acquireMany(ids, 'g', lease, LONG, time);
      expect(taken).toEqual(ids.map(() => ({ kind: 'none' })));
      expect(await tier.read('a', 'g')).toEqual({ kind: 'lease', token: lease });
    }
    await tier.close();
  });

  test('a key of another type holds nothing: a lease takes its place, a fill is denied, an invalidation removes it', async () => {
    const namespace = uniqueNamespace();
    const { tier } = await connect(redis(server.url, { namespace }).l2);
    const { epoch } = await tier.heartbeat('one', token());
    const { generation } = await tier.agreeGeneration(epoch, token());
    const key = keyspace(namespace, CACHE, 0).entry('a', generation);
    const expected = { kind: 'lease', token: token() } as const;
    const fill = { id: 'a', generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG };
    for (const mode of ['delete', 'expire'] as const) {
      await admin.rpush(key, 'x');
      expect(await failureOf(() => tier.fill(fill))).toBe('denied');
      expect(await tier.read('a', generation)).toEqual({ kind: 'none' });
      expect((await tier.invalidate(orderOf(['a'], [], mode), { epoch, generation })).kind).toBe('done');
      expect(await admin.exists(key)).toBe(0);
    }
    await admin.rpush(key, 'x');
    const lease = token();
    expect(await tier.acquire('a', generation, lease, LONG)).toEqual({ kind: 'none' });
    expect(await tier.read('a', generation)).toEqual({ kind: 'lease', token: lease });
    await tier.close();
  });

  test('a number that no server takes is an invalid request, and says nothing about the server', async () => {
    const tier = await agreedTier(uniqueNamespace());
    const lease = token();
    await tier.acquire('a', 'g', lease, LONG);
    const expected = { kind: 'lease', token: lease } as const;
    const fill = { id: 'a', generation: 'g', expected, token: token(), body: 'v', age: 0, keepFor: 1e300 };
    expect(await failureOf(() => tier.fill(fill))).toBe('invalid');
    expect(await failureOf(() => tier.renew('a', 'g', lease, 1e300))).toBe('invalid');
    expect(await failureOf(() => tier.acquire('b', 'g', token(), 1e300))).toBe('invalid');
    expect(await failureOf(() => tier.tagGenerations(['t'], 'g', 1e300))).toBe('invalid');
    await tier.close();
  });

  test('the longest duration that a caller may give is taken, whatever windows it has', async () => {
    const tier = await agreedTier(uniqueNamespace());
    const lease = token();
    const keepFor = 2 * LONGEST_DURATION_MS;
    expect(await tier.acquire('a', 'g', lease, LONGEST_DURATION_MS)).toEqual({ kind: 'none' });
    expect(await tier.renew('a', 'g', lease, LONGEST_DURATION_MS)).toBe(true);
    const expected = { kind: 'lease', token: lease } as const;
    expect(await tier.fill({ id: 'a', generation: 'g', expected, token: token(), body: 'v', age: 0, keepFor })).toBe(
      true,
    );
    expect(await tier.remaining('a', 'g')).toBeGreaterThan(LONGEST_DURATION_MS);
    await tier.close();
  });

  test('an empty record is told apart from none when it is replaced', async () => {
    const namespace = uniqueNamespace();
    const tier = await agreedTier(namespace);
    const key = keyspace(namespace, CACHE, 0).entry('a', 'g');
    await admin.set(key, '');
    const found = await tier.read('a', 'g');
    if (found.kind !== 'value') throw new Error(`found a ${found.kind}`);
    const expected = { kind: 'value', token: found.value.token } as const;
    const fill = { id: 'a', generation: 'g', expected, token: token(), body: 'v', age: 0, keepFor: LONG };
    await admin.del(key);
    expect(await tier.fill(fill)).toBe(false);
    await admin.set(key, '');
    expect(await tier.fill(fill)).toBe(true);
    await tier.close();
  });

  test('a version that stands in a lease refuses older writes, and the fill keeps it', async () => {
    const namespace = uniqueNamespace();
    const { tier } = await connect(redis(server.url, { namespace }).l2);
    const { epoch } = await tier.heartbeat('one', token());
    const { generation } = await tier.agreeGeneration(epoch, token());
    const session = { epoch, generation };
    const lease = token();
    const writing = { id: 'a', session, origin: 'one', body: 'v', keepFor: LONG };
    await admin.set(keyspace(namespace, CACHE, 0).entry('a', generation), `L${lease}${'5'.padStart(16, '0')}\n`);
    expect(await tier.read('a', generation)).toEqual({ kind: 'lease', token: lease });
    expect(await tier.write({ ...writing, token: token(), version: 4 })).toEqual({ kind: 'older' });
    const expected = { kind: 'lease', token: lease } as const;
    const fill = { id: 'a', generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG };
    expect(await tier.fill(fill)).toBe(true);
    expect(await tier.write({ ...writing, token: token(), version: 4 })).toEqual({ kind: 'older' });
    expect((await tier.write({ ...writing, token: token(), version: 5 })).kind).toBe('done');
    await tier.close();
  });

  test('a server that may not write, or lacks replicas, is unavailable', async () => {
    await using isolated = await startRedis();
    const control = new Redis(isolated.url);
    const { tier } = await connect(redis(isolated.url, { namespace: uniqueNamespace() }).l2);
    await control.config('SET', 'min-replicas-to-write', '1');
    expect((await tier.heartbeat('one', token()).catch((error) => error)).failure).toBe('unavailable');
    expect((await tier.acquire('a', 'g', token(), LONG).catch((error) => error)).failure).toBe('unavailable');
    await control.config('SET', 'min-replicas-to-write', '0');
    await control.replicaof('127.0.0.1', 1);
    expect((await tier.heartbeat('one', token()).catch((error) => error)).failure).toBe('unavailable');
    await Promise.all([tier.close(), control.disconnect()]);
  });
});

describe('malformed messages', () => {
  test('are reported and dropped, and the stream goes on', async () => {
    const namespace = uniqueNamespace();
    const keys = keyspace(namespace, CACHE, 0);
    const { bus, messages, events } = await subscribe(redis(server.url, { namespace }).bus, 'one');
    const { tier } = await connect(redis(server.url, { namespace }).l2);
    await admin.publish(keys.bus, 'hello');
    await admin.publish(
      keys.bus,
      JSON.stringify({ format: 2, kind: 'heartbeat', epoch: 'f'.repeat(16), sequence: 1, nonce: 'n' }),
    );
    await admin.publish(keys.echo('one'), Buffer.from([0xff, 0xfe]));
    await tier.heartbeat('one', 'n');
    await until(() => messages.length > 0, { what: 'the good one' });
    expect(events).toEqual([
      'subscribed',
      `A message on ${keys.bus} was dropped: it is not JSON`,
      `A message on ${keys.bus} was dropped: it is no invalidation`,
      `A message on ${keys.echo('one')} was dropped: it is not JSON`,
    ]);
    await Promise.all([bus.close(), tier.close()]);
  });
});

describe('who the server is', () => {
  const info = (fields: Record<string, string>) =>
    [
      '# Server',
      ...Object.entries({ run_id: 'a'.repeat(40), redis_mode: 'standalone', ...fields }).map((field) =>
        field.join(':'),
      ),
      '',
    ].join('\r\n');

  test.each([
    { redis_version: '7.0.0' },
    { redis_version: '7.0.15' },
    { redis_version: '8.10.1' },
    { redis_version: '7.2.4', server_name: 'valkey', valkey_version: '7.2.5' },
    { redis_version: '7.2.4', server_name: 'valkey', valkey_version: '9.0.0' },
  ])('accepts %p', (fields) => {
    expect(epochOf(info(fields))).toBe('a'.repeat(16));
  });

  test.each([
    [{ redis_version: '6.2.14' }, 'Redis 6.2.14; Tiercel needs Redis 7.0 or Valkey 7.2'],
    [{ redis_version: '7.2.4', valkey_version: '7.1.9' }, 'Valkey 7.1.9; Tiercel needs'],
    [{ redis_version: 'next' }, 'Redis next; Tiercel needs'],
    [{}, 'Redis unknown; Tiercel needs'],
    [{ redis_version: '7.4.0', redis_mode: 'cluster' }, 'cluster mode'],
    [{ redis_version: '7.4.0', run_id: '' }, 'run id'],
  ])('refuses %p in one sentence', (fields, reason) => {
    expect(() => epochOf(info(fields))).toThrow(
      expect.objectContaining({ failure: 'denied', message: expect.stringContaining(reason) }),
    );
  });

  test('is read from a real server', async () => {
    expect(epochOf(await admin.info('server'))).toMatch(/^[0-9a-f]{16}$/);
  });
});

async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error instanceof RemoteError ? error.failure : error;
  }
  return 'no failure';
}

/** Connections that the server has seen. */
async function attempts(): Promise<number> {
  const stats = await admin.info('stats');
  return Number(/total_connections_received:(\d+)/.exec(stats)?.[1]);
}
