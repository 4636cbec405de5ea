import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { redis } from '../../../src/adapters/redis/index.ts';
import { keyspace } from '../../../src/adapters/redis/protocol/keyspace.ts';
import { CACHE, connect, LONG, orderOf, subscribe, token } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { isBus, redisWire } from '../../support/redis-wire.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let server: RedisServer;
let proxy: TcpProxy;
let chunks = 0;
const wire = redisWire();

beforeAll(async () => {
  server = await startRedis();
  proxy = await startProxy({
    target: server.url,
    onClientData: (connection, bytes) => {
      chunks++;
      wire.observers.onClientData?.(connection, bytes);
    },
  });
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

beforeEach(() => proxy.heal());

const tiers = (connections = 1) => redis(proxy.through(server.url), { namespace: uniqueNamespace(), connections });

async function agreed() {
  const connected = await connect(tiers().l2);
  const { epoch } = await connected.tier.heartbeat('one', token());
  const { generation } = await connected.tier.agreeGeneration(epoch, token());
  wire.forget();
  chunks = 0;
  return { ...connected, generation, session: { epoch, generation } };
}

describe('round trips', () => {
  test('a read and its tags are one packet, a hit is one command, a miss two', async () => {
    const { tier, generation } = await agreed();
    const lease = token();
    await Promise.all([tier.acquire('a', generation, lease, LONG), tier.tagGenerations(['t', 'u'], generation, LONG)]);
    expect(chunks).toBe(1);
    expect(wire.commands.map(({ name }) => name)).toEqual(['SET', 'EVALSHA']);
    const expected = { kind: 'lease', token: lease } as const;
    await tier.fill({ id: 'a', generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG });
    expect(wire.commands).toHaveLength(3);
    await tier.acquire('a', generation, token(), LONG);
    expect(wire.commands.map(({ name }) => name)).toEqual(['SET', 'EVALSHA', 'EVALSHA', 'SET']);
    await tier.close();
  });

  test('several keys are one command, and of very many what is missing is a second one', async () => {
    const { tier, generation } = await agreed();
    const ids = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const acquire = (names: string[]) => tier.acquireMany(names, generation, token(), LONG, Date.now());
    await acquire(ids.slice(0, 16));
    expect(wire.commands.map(({ name }) => name)).toEqual(['EVALSHA']);
    await acquire(ids);
    await acquire(ids);
    expect(wire.commands.map(({ name }) => name)).toEqual(['EVALSHA', 'MGET', 'EVALSHA', 'MGET']);
    await tier.close();
  });

  test('what is asked for before a packet is sent travels in it, on whichever connection', async () => {
    const { tier } = await connect(tiers(3).l2);
    wire.forget();
    chunks = 0;
    const asked: Promise<unknown>[] = [tier.read('a', 'g')];
    tier.beforeSending(() => asked.push(tier.read('b', 'g'), tier.tagGenerations(['t'], 'g', LONG)));
    await until(() => asked.length === 3, { what: 'the packet to be sent' });
    await Promise.all(asked);
    expect(chunks).toBe(1);
    await tier.close();
  });

  test('over several connections, one turn still is one packet', async () => {
    const { tier } = await connect(tiers(3).l2);
    wire.forget();
    chunks = 0;
    await Promise.all([tier.read('a', 'g'), tier.read('b', 'g'), tier.tagGenerations(['t'], 'g', LONG)]);
    expect(chunks).toBe(1);
    for (let turn = 0; turn < 3; turn++) await tier.read('a', 'g');
    expect(new Set(wire.commands.map(({ connection }) => connection)).size).toBe(3);
    await tier.close();
  });

  test('a call does not wait for the answer to one made before it', async () => {
    const { tier, generation } = await agreed();
    const hold = proxy.impose({ hold: true }, { direction: 'toClient' });
    const first = tier.read('a', generation);
    await until(() => wire.count('GET') === 1, { what: 'the first command' });
    const second = tier.read('b', generation);
    await until(() => wire.count('GET') === 2, { what: 'the second command' });
    hold.lift();
    expect(await Promise.all([first, second])).toEqual([{ kind: 'none' }, { kind: 'none' }]);
    await tier.close();
  });

  test('a server that lost its scripts is sent the source once', async () => {
    const { tier, session, generation } = await agreed();
    const admin = new Redis(server.url);
    await admin.script('FLUSH', 'SYNC');
    admin.disconnect();
    expect((await tier.invalidate(orderOf(['a'], ['t']), session)).kind).toBe('done');
    expect((await tier.invalidate(orderOf(['a'], ['t']), session)).kind).toBe('done');
    expect(wire.commands.map(({ name }) => name)).toEqual(['EVALSHA', 'EVAL', 'EVALSHA']);
    expect(await tier.tagGenerations(['t'], generation, LONG)).toHaveLength(1);
    await tier.close();
  });
});

describe('a subscription', () => {
  test('is told before the first message, even if both come in one packet', async () => {
    const namespace = uniqueNamespace();
    const { l2, bus } = redis(proxy.through(server.url), { namespace });
    const { tier } = await connect(l2);
    const admin = new Redis(server.url);
    const hold = proxy.impose({ hold: true }, { direction: 'toClient', where: isBus });
    const told: string[] = [];
    bus.start(
      'one',
      {
        onSubscribed: () => told.push('subscribed'),
        onMessage: ({ kind }) => told.push(kind),
        onMalformed: (reason) => told.push(reason),
        onUnsubscribed: () => told.push('unsubscribed'),
      },
      CACHE,
    );
    const { echo } = keyspace(namespace, CACHE, 0);
    const subscribers = async () => (await admin.pubsub('NUMSUB', echo('one')))[1];
    await until(async () => Number(await subscribers()) === 1, { what: 'the subscription in the server' });
    await tier.heartbeat('one', token());
    expect(told).toEqual([]);
    hold.lift();
    await until(() => told.includes('heartbeat'), { what: 'the message' });
    expect(told).toEqual(['subscribed', 'heartbeat']);
    admin.disconnect();
    await Promise.all([tier.close(), bus.close()]);
  });
});

describe('a connection that breaks', () => {
  test('fails what is in flight at once, and sends nothing again', async () => {
    const { tier, events, generation } = await agreed();
    proxy.impose({ hold: true }, { direction: 'toClient' });
    const calls = [tier.read('a', generation), tier.tagGenerations(['t'], generation, LONG)];
    await until(() => wire.count('GET') === 1, { what: 'the command on the wire' });
    proxy.resetConnections();
    for (const call of calls) expect((await call.catch((error) => error)).failure).toBe('unavailable');
    expect((await tier.read('a', generation).catch((error) => error)).failure).toBe('unavailable');
    await proxy.heal();
    await until(() => events.length === 3, { what: 'the new connection' });
    expect(events).toEqual(['connected', 'disconnected', 'connected']);
    expect(await tier.read('b', generation)).toEqual({ kind: 'none' });
    expect(wire.count('GET')).toBe(2);
    await tier.close();
  });

  test('sends nothing again either where a client was passed in that would', async () => {
    const client = new Redis(proxy.through(server.url), { lazyConnect: true, autoResendUnfulfilledCommands: true });
    const { tier, events } = await connect(redis(client, { namespace: uniqueNamespace() }).l2);
    wire.forget();
    const hold = proxy.impose({ hold: true }, { direction: 'toClient' });
    const call = tier.read('a', 'g').catch((error) => error);
    await until(() => wire.count('GET') === 1, { what: 'the command on the wire' });
    proxy.resetConnections();
    hold.lift();
    expect((await call).failure).toBe('unavailable');
    await until(() => events.length === 3, { what: 'the new connection' });
    expect(wire.count('GET')).toBe(1);
    await tier.close();
  });

  test('losing one of several counts as losing all', async () => {
    const { tier, events } = await connect(tiers(3).l2);
    const [victim] = proxy.connections.slice(-1);
    proxy.resetConnections((connection) => connection === victim);
    await until(() => events.includes('disconnected'), { what: 'the loss' });
    await until(() => events.length === 3, { what: 'all three again' });
    expect(events).toEqual(['connected', 'disconnected', 'connected']);
    await tier.close();
  });

  test('is made again for as long as it takes', async () => {
    const { tier, events } = await agreed();
    proxy.refuse();
    proxy.resetConnections();
    await until(() => events.includes('disconnected'), { what: 'the loss' });
    const saysWhy = async () => /ECONNREFUSED/.test(String(await tier.read('a', 'g').catch((error) => error)));
    await until(saysWhy, { what: 'a refusal that says why there is no connection' });
    await proxy.accept();
    await until(() => events.length === 3, { what: 'the new connection' });
    await tier.close();
  });

  test('a silent server is left at once by a reset, and joined again when it speaks', async () => {
    const { tier, events, generation } = await agreed();
    const { bus, events: busEvents } = await subscribe(tiers().bus, 'one');
    server.pause();
    const began = performance.now();
    const call = tier.read('a', generation);
    await until(() => wire.count('GET') === 1, { what: 'the command on the wire' });
    tier.reset();
    bus.reset();
    expect((await call.catch((error) => error)).failure).toBe('unavailable');
    expect(performance.now() - began).toBeLessThan(1_000);
    server.resume();
    await until(() => events.length === 3 && busEvents.length === 3, { what: 'both connections' });
    expect(events).toEqual(['connected', 'disconnected', 'connected']);
    expect(busEvents).toEqual(['subscribed', 'unsubscribed', 'subscribed']);
    await Promise.all([tier.close(), bus.close()]);
  });

  test('closing while the server is away is prompt', async () => {
    proxy.refuse();
    const { l2, bus } = tiers(3);
    const errors: string[] = [];
    l2.start(
      {
        onConnect: () => errors.push('connected'),
        onDisconnect: () => errors.push('disconnected'),
        onAlarm: (error) => errors.push(error.message),
      },
      CACHE,
    );
    await Promise.all([l2.close(), bus.close()]);
    await proxy.accept();
    expect(errors).toEqual([]);
  });
});
