import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { redis } from '../../../src/adapters/redis/index.ts';
import { keyspace } from '../../../src/adapters/redis/protocol/keyspace.ts';
import { CACHE } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let server: RedisServer;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } });
  admin = new Redis(`${server.url}/2`);
});

beforeEach(() => admin.config('SET', 'notify-keyspace-events', 'Ee'));

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** A tier that is told to listen, and what it hears. Nothing is evicted before {@link squeeze}. */
function watching(user = '') {
  const namespace = uniqueNamespace();
  const { l2 } = redis(`${server.url.replace('redis://', `redis://${user}`)}/2`, { namespace });
  l2.start({ onConnect() {}, onDisconnect() {}, onAlarm() {} }, CACHE);
  const heard: string[] = [];
  const listen = (): void => l2.watchEvictions((id) => heard.push(id));
  const connections = async (flag = ''): Promise<number> => {
    const clients = String(await admin.client('LIST')).split('\n');
    return clients.filter((client) => client.includes(`:${namespace}:evictions`) && client.includes(flag)).length;
  };
  listen();
  return {
    heard,
    listen,
    connections,
    subscribed: () => until(async () => (await connections('sub=1')) === 1, { what: 'the subscription' }),
    gone: () => until(async () => (await connections()) === 0, { what: 'the end of the connection' }),
    keys: keyspace(namespace, CACHE, 2),
    l2,
    [Symbol.asyncDispose]: () => l2.close(),
  };
}

/** Has the server throw out all that it holds. */
async function squeeze(): Promise<void> {
  await admin.config('SET', 'maxmemory', '1');
  await until(async () => (await admin.dbsize()) === 0, { what: 'an empty database' });
  await admin.config('SET', 'maxmemory', '0');
}

describe('listening for evictions', () => {
  test('tells of the entries of its namespace, in its database, and of nothing else', async () => {
    await using watch = watching();
    await watch.subscribed();
    const { keys } = watch;
    await admin.mset(
      keys.entry('a:1', 'g1'),
      'x',
      keys.entry('b:2', 'g2'),
      'x',
      keys.tag('t', 'g1'),
      'x',
      'other',
      'x',
    );
    await admin.set(keyspace(uniqueNamespace(), CACHE, 2).entry('c', 'g1'), 'x');
    await squeeze();
    await until(() => watch.heard.length >= 2, { what: 'two evictions' });
    expect(watch.heard.sort()).toEqual(['a:1', 'b:2']);
    watch.l2.watchEvictions(undefined);
    await watch.gone();
  });

  test('asks once where the server publishes no evictions, and keeps no connection', async () => {
    await admin.config('SET', 'notify-keyspace-events', 'Kx');
    const asked = async (): Promise<number> =>
      Number(/config\|get:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
    const before = await asked();
    await using watch = watching();
    await until(async () => (await asked()) > before, { what: 'the question' });
    await watch.gone();
    watch.listen();
    // Whatever that had begun is done before somebody else's question is.
    await using another = watching();
    await until(async () => (await asked()) > before + 1, { what: 'the question of another' });
    await another.gone();
    expect([await watch.connections(), await asked()]).toEqual([0, before + 2]);
  });

  test('subscribes where it may not ask, and gives up where it may not subscribe', async () => {
    const rights = ['on', 'nopass', 'allkeys', '+@all', '-config'];
    await admin.acl('SETUSER', 'mute', ...rights, 'allchannels');
    await admin.acl('SETUSER', 'deaf', ...rights, 'resetchannels');
    await using mute = watching('mute:any@');
    await using deaf = watching('deaf:any@');
    await mute.subscribed();
    const denied = async () => JSON.stringify(await admin.acl('LOG')).includes('__keyevent@2__:evicted');
    await until(denied, { what: 'the refusal' });
    await deaf.gone();
    await admin.set(mute.keys.entry('a', 'g'), 'x');
    await squeeze();
    await until(() => mute.heard.includes('a'), { what: 'an eviction' });
  });

  test('goes on after its connection was lost, once it is asked again', async () => {
    await using watch = watching();
    await watch.subscribed();
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await watch.gone();
    await until(
      async () => {
        watch.listen();
        return (await watch.connections('sub=1')) === 1;
      },
      { what: 'the next subscription' },
    );
    await admin.set(watch.keys.entry('a', 'g'), 'x');
    await squeeze();
    await until(() => watch.heard.includes('a'), { what: 'an eviction' });
  });

  test('ends with the tier, connecting or connected', async () => {
    const watch = watching();
    await watch.l2.close();
    watch.listen();
    await watch.l2.close();
    await watch.gone();
  });
});
