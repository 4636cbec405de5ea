import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Cluster, Redis } from 'ioredis';
import { type RedisOptions, redis } from '../../../src/adapters/redis/index.ts';
import { FAIL_FAST } from '../../../src/adapters/redis/options.ts';
import { connect, subscribe, token } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis({ password: 'p@ss:w/rd' });
});

afterAll(() => server.stop());

const invalid = (option: string) => expect.objectContaining({ code: 'INVALID_OPTION', option });

describe('the address', () => {
  test.each([
    [undefined],
    [''],
    ['localhost:6379'],
    ['http://localhost'],
    ['redis+sentinel://a:1,b:2/main'],
    ['redis+cluster://a:1,b:2'],
    ['redis://'],
    ['redis://host:99999'],
    ['redis://host/database'],
    ['redis://host?enableOfflineQueue=true'],
  ])('%p is refused by name', (url) => {
    expect(() => redis(url)).toThrow(invalid('url'));
  });

  test('what is not supported yet says so', () => {
    expect(() => redis('redis+cluster://a:1,b:2')).toThrow('Cluster are not supported yet');
  });

  test('a password in it is not repeated', () => {
    try {
      redis('redis://:hunter2@host:99999');
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('hunter2');
    }
  });

  test('password and database are taken from it', async () => {
    const namespace = uniqueNamespace();
    const { tier } = await connect(redis(`${server.url}/3`, { namespace }).l2);
    await tier.acquire('a', 'g', token(), 60_000);
    const admin = new Redis(`${server.url}/3`);
    expect(await admin.keys(`{${namespace}.0}*`)).toEqual([`{${namespace}.0}:e:2.4:g:0::a`]);
    const names = String(await admin.client('LIST'));
    expect(names).toContain(`name=tiercel:${namespace}:data`);
    admin.disconnect();
    await tier.close();
  });
});

describe('options', () => {
  test.each([
    ['namespace', { namespace: '' }],
    ['namespace', { namespace: 'a{b}' }],
    ['namespace', { namespace: 'a b' }],
    ['namespace', { namespace: 'a\n' }],
    ['namespace', { namespace: 'n'.repeat(65) }],
    ['connectTimeout', { connectTimeout: 0 }],
    ['connectTimeout', { connectTimeout: Number.NaN }],
    ['connectTimeout', { connectTimeout: 2 ** 31 }],
    ['probeEvery', { probeEvery: 0 }],
    ['probeEvery', { probeEvery: Number.MAX_VALUE }],
    ['probeEvery', { probeEvery: Number.POSITIVE_INFINITY }],
    ['connections', { connections: 0 }],
    ['connections', { connections: 1.5 }],
    ['connections', { connections: 17 }],
    ['compression', { compression: 'gzip' }],
    ['compression', { compression: null }],
    ['compression', { compression: 4_096 }],
    ['compression.level', { compression: { level: 9 } }],
    ['compression.threshold', { compression: { threshold: -1 } }],
    ['compression.threshold', { compression: { threshold: 0.5 } }],
    ['compression.threshold', { compression: { threshold: '4kB' } }],
  ])('an impossible %s is refused: %p', (option, options) => {
    // A caller without types can give any of these.
    expect(() => redis('redis://localhost', options as RedisOptions)).toThrow(invalid(option));
  });
});

describe('a client passed in', () => {
  test('works, is duplicated for the bus, and stays open', async () => {
    const client = new Redis(server.url, FAIL_FAST);
    const namespace = uniqueNamespace();
    const warnings: string[] = [];
    const { l2, bus } = redis(client, { namespace, onWarning: (warning) => warnings.push(warning) });
    const { tier, events } = await connect(l2);
    const subscriber = await subscribe(bus, 'one');
    await tier.heartbeat('one', 'n');
    await until(() => subscriber.messages.length > 0, { what: 'the echo' });
    expect(warnings).toEqual([]);
    expect(client.condition?.subscriber).toBe(false);

    tier.reset();
    await until(() => events.length === 3, { what: 'the new connection' });
    await Promise.all([tier.close(), bus.close()]);
    expect(await client.ping()).toBe('PONG');
    expect(client.listenerCount('ready') + client.listenerCount('close') + client.listenerCount('error')).toBe(0);
    client.disconnect();
  });

  test('that is connected already is used at once', async () => {
    const client = new Redis(server.url);
    await client.ping();
    const { tier } = await connect(redis(client, { namespace: uniqueNamespace(), onWarning: () => undefined }).l2);
    expect(await tier.read('a', 'g')).toEqual({ kind: 'none' });
    await tier.close();
    client.disconnect();
  });

  test('has each unsafe setting named', () => {
    const client = new Redis({ lazyConnect: true });
    const warnings: string[] = [];
    redis(client, { onWarning: (warning) => warnings.push(warning) });
    const settings = ['enableOfflineQueue', 'commandTimeout', 'autoResendUnfulfilledCommands', 'maxRetriesPerRequest'];
    expect(warnings).toHaveLength(settings.length);
    for (const setting of settings) expect(warnings.join('\n')).toContain(setting);
    client.disconnect();
  });

  test('that cannot be used is refused', () => {
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'p:' });
    expect(() => redis(prefixed)).toThrow(invalid('client.keyPrefix'));
    const plain = new Redis({ lazyConnect: true });
    expect(() => redis(plain, { connections: 2 })).toThrow(invalid('connections'));
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
    // A caller without types can do so.
    expect(() => redis(cluster as unknown as Redis)).toThrow(invalid('client'));
    for (const client of [prefixed, plain, cluster]) client.disconnect();
  });
});
