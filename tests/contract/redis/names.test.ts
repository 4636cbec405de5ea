import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { lru } from '../../../src/adapters/lru/index.ts';
import { redis } from '../../../src/adapters/redis/index.ts';
import { type CacheOptions, createCache } from '../../../src/index.ts';
import { until } from '../../../src/testing/until.ts';
import { sharedRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let url: string;
const warnings: Error[] = [];
const onWarning = (warning: Error) => warnings.push(warning);

beforeAll(async () => {
  url = await sharedRedis();
  process.on('warning', onWarning);
});

afterAll(() => process.off('warning', onWarning));

async function open(options: Omit<CacheOptions, 'l1'>, namespace?: string) {
  const cache = createCache({ l1: lru(), ...redis(url, namespace === undefined ? {} : { namespace }), ...options });
  await cache.ready(5_000);
  return cache;
}

describe('the name of a cache', () => {
  test('keeps its entries, and its clear(), apart from those of every other name', async () => {
    const [name, other] = [uniqueNamespace('users'), uniqueNamespace('orders')];
    await using users = await open({ name });
    await using orders = await open({ name: other });
    expect(await users.getOrSet('1', () => 'a user')).toBe('a user');
    expect(await orders.getOrSet('1', () => 'an order')).toBe('an order');
    await orders.clear();
    await using peer = await open({ name });
    expect(await peer.lookup('1', () => 'loaded again')).toMatchObject({ value: 'a user', tier: 'l2' });
  });

  test('is that of every process of this cache', async () => {
    const name = uniqueNamespace('catalog');
    await using one = await open({ name });
    await using two = await open({ name });
    await one.getOrSet('1', () => 'old');
    await two.getOrSet('1', () => 'never');
    await one.delete('1');
    await until(() => two.peek('1') === undefined, { what: 'the invalidation' });
  });

  test('is no namespace where one is given', async () => {
    const namespace = uniqueNamespace();
    await using one = await open({ name: 'one' }, namespace);
    await using two = await open({ name: 'two' }, namespace);
    await one.getOrSet('1', () => 'shared');
    expect(await two.get<string>('1')).toBe('shared');
  });

  test.each(['a b', 'a{b}', 'ü', 'n'.repeat(65), 'a\n'])(
    '%p is refused with an L2, and fine without one',
    async (name) => {
      const refused = expect.objectContaining({ code: 'INVALID_OPTION', option: 'name' });
      expect(() => createCache({ name, l1: lru(), ...redis(url) })).toThrow(refused);
      await createCache({ name, l1: lru() }).close();
    },
  );

  test('of two open caches of one process is told once, and not of one that follows a closed one', async () => {
    const name = uniqueNamespace('twice');
    const told = () => warnings.filter(({ message }) => message.includes(name));
    const first = await open({ name });
    await first.close();
    const second = await open({ name });
    expect(told()).toEqual([]);
    const [third, fourth] = [await open({ name }), await open({ name })];
    await until(() => told().length > 0, { what: 'the warning' });
    expect(told().map((warning) => warning.name)).toEqual(['TiercelWarning']);
    expect(told()[0]?.message).toContain('database 0');
    await Promise.all([second.close(), third.close(), fourth.close()]);
    await (await open({ name })).close();
    expect(told()).toHaveLength(1);
  });
});
