import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Cluster, Redis } from 'ioredis';
import { type RedisOptions, redis } from '../../../src/adapters/redis/index.ts';
import { CACHE, connect, subscribe, token } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

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
  /** A cache's two parts over a client, connected, and a heartbeat that came back on the bus. */
  async function connectedOver(client: Redis, options: RedisOptions = {}) {
    const { l2, bus } = redis(client, { namespace: uniqueNamespace(), ...options });
    const [{ tier }, subscriber] = await Promise.all([connect(l2), subscribe(bus, 'one')]);
    await tier.heartbeat('one', 'n');
    await until(() => subscriber.messages.length > 0, { what: 'the echo' });
    return { tier, close: () => Promise.all([tier.close(), bus.close()]) };
  }

  test('is asked nothing and given no listener: only its options are taken', async () => {
    const client = new Redis(server.url, { lazyConnect: true });
    const listeners = () => client.eventNames().map((name) => client.listenerCount(name));
    const before = listeners();
    const warnings: string[] = [];
    const { tier, close } = await connectedOver(client, { onWarning: (warning) => warnings.push(warning) });
    expect(await tier.read('a', 'g')).toEqual({ kind: 'none' });
    tier.reset();
    expect([client.status, listeners(), warnings]).toEqual(['wait', before, []]);
    await close();
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  test('may be closed before, and may end later', async () => {
    const client = new Redis(server.url, { retryStrategy: () => null });
    await client.quit();
    const { tier, close } = await connectedOver(client);
    client.disconnect();
    expect(await tier.read('a', 'g')).toEqual({ kind: 'none' });
    await close();
  });

  test('may have settings that would undo the promises of a cache: they are its own', async () => {
    const client = new Redis(server.url, {
      lazyConnect: true,
      stringNumbers: true,
      enableAutoPipelining: true,
      enableOfflineQueue: true,
      commandTimeout: 1,
      retryStrategy: () => null,
      connectTimeout: 1,
      connectionName: 'theirs',
      scripts: { get: { lua: 'return 1', numberOfKeys: 0 } },
    });
    const { tier, close } = await connectedOver(client);
    const { epoch, sequence } = await tier.heartbeat('one', 'm');
    expect(Number.isSafeInteger(sequence)).toBe(true);
    const { generation } = await tier.agreeGeneration(epoch, 'g');
    expect(await tier.acquire('a', generation, token(), 60_000)).toEqual({ kind: 'none' });
    await close();
    client.disconnect();
  });

  test('that has reply transformers of its own does not change what the cache is told', async () => {
    const client = new Redis(server.url, { lazyConnect: true });
    client.pipeline = () => {
      throw new Error('A pipeline on the client of somebody else');
    };
    client.sendCommand = () => Promise.reject(new Error('A command on the client of somebody else'));
    const { tier, close } = await connectedOver(client);
    expect(await tier.read('a', 'g')).toEqual({ kind: 'none' });
    await close();
    client.disconnect();
  });

  test('may be shared by eleven caches without a warning', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const client = new Redis(server.url, { lazyConnect: true });
    const caches = await Promise.all(Array.from({ length: 11 }, () => connectedOver(client)));
    for (const { tier } of caches) expect(await tier.read('a', 'g')).toEqual({ kind: 'none' });
    await Promise.all(caches.map(({ close }) => close()));
    // Warnings are told in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
    client.disconnect();
  });

  test('may have several connections made from it', async () => {
    const client = new Redis(server.url, { lazyConnect: true });
    const { tier, close } = await connectedOver(client, { connections: 3 });
    for (let turn = 0; turn < 3; turn += 1) expect(await tier.read('a', 'g')).toEqual({ kind: 'none' });
    await close();
  });

  test('that does not lead to one server is refused, with the form to use', () => {
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'p:' });
    expect(() => redis(prefixed)).toThrow(invalid('client.keyPrefix'));
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
    const sentinel = new Redis({ lazyConnect: true, sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' });
    // A caller without types can do so.
    for (const [client, form] of [
      [cluster as unknown as Redis, 'redis+cluster://host:port,host:port'],
      [sentinel, 'redis+sentinel://host:port,host:port/master'],
    ] as const) {
      expect(() => redis(client)).toThrow(invalid('client'));
      expect(() => redis(client)).toThrow(form);
    }
    for (const client of [prefixed, cluster, sentinel]) client.disconnect();
  });
});

test('a right that is missing at first is no lasting loss, by whatever way the server was named', async () => {
  const admin = new Redis(server.url);
  await admin.acl('SETUSER', 'late', 'on', 'nopass', 'allkeys', 'allchannels', '+@all', '-info');
  const client = new Redis({
    host: server.host,
    port: server.port,
    username: 'late',
    password: 'any',
    lazyConnect: true,
  });
  const { l2 } = redis(client, { namespace: uniqueNamespace() });
  const alarms: string[] = [];
  let connected = 0;
  const onConnect = (): void => {
    connected += 1;
  };
  l2.start({ onConnect, onDisconnect: () => undefined, onAlarm: ({ message }) => alarms.push(message) }, CACHE);
  await until(() => alarms.length > 0, { what: 'the alarm' });
  expect([connected, alarms]).toEqual([0, [expect.stringMatching(/^NOPERM/)]]);
  await admin.acl('SETUSER', 'late', '+info');
  await until(() => connected > 0, { what: 'the connection' });
  await l2.close();
  admin.disconnect();
});
