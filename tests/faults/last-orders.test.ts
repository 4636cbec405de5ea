import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { lru } from '../../src/adapters/lru/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { createCache, InvalidationLostError, InvalidationPendingError, type TieredCache } from '../../src/index.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(30_000);

/** The time for which the process that closes cannot reach Redis. */
const BLACKOUT_MS = 1_000;

let url: string;

beforeAll(async () => {
  url = await sharedRedis();
});

interface Pair extends AsyncDisposable {
  /** Reaches Redis through the proxy. */
  readonly one: TieredCache;
  readonly other: TieredCache;
  readonly proxy: TcpProxy;
  /** Errors by which {@link one} has told of lost invalidations. */
  readonly lost: InvalidationLostError[];
}

async function pair(): Promise<Pair> {
  const namespace = uniqueNamespace();
  const proxy = await startProxy({ target: url });
  const lost: InvalidationLostError[] = [];
  const make = (address: string): TieredCache =>
    createCache({
      l1: lru(),
      ...redis(address, { namespace, onWarning: () => undefined }),
      // The other instance must look into L2 at each read.
      defaults: { l1Ttl: 0, ttl: '1h' },
      onError: ({ error }) => {
        if (error instanceof InvalidationLostError) lost.push(error);
      },
    });
  const [one, other] = [make(proxy.through(url)), make(url)];
  expect(await Promise.all([one.ready(5_000), other.ready(5_000)])).toEqual([true, true]);
  await one.getOrSet('k', () => 'old', { l2Timeout: 5_000 });
  expect((await other.lookup('k', () => 'loaded', { l2Timeout: 5_000 })).value).toBe('old');
  return {
    one,
    other,
    proxy,
    lost,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([one.close(), other.close()]);
      await proxy.close();
    },
  };
}

/** Begins a blackout of the first instance; answers how it ends. */
type Blackout = (proxy: TcpProxy) => () => unknown;

const BLACKOUTS: readonly [string, Blackout][] = [
  [
    'that does not answer',
    (proxy) => {
      const held = proxy.impose({ hold: true });
      return () => held.lift();
    },
  ],
  [
    'that cannot be reached',
    (proxy) => {
      proxy.refuse();
      proxy.resetConnections();
      return () => proxy.accept();
    },
  ],
];

describe.each(BLACKOUTS)('a cache that closes with a pending invalidation for a Redis %s', (_name, begin) => {
  test('delivers it when Redis is back within a second', async () => {
    await using both = await pair();
    const { one, other, proxy, lost } = both;
    const end = begin(proxy);
    const began = performance.now();
    await expect(one.delete('k')).rejects.toBeInstanceOf(InvalidationPendingError);
    const closed = one.close();
    await Bun.sleep(BLACKOUT_MS - (performance.now() - began));
    expect((await other.lookup('k', () => 'loaded', { l2Timeout: 5_000 })).value).toBe('old');
    await end();
    await closed;
    expect(performance.now() - began).toBeLessThan(6_000);
    expect((await other.lookup('k', () => 'new', { l2Timeout: 5_000 })).value).toBe('new');
    expect(lost).toEqual([]);
  });

  test('tells what is lost when Redis stays away', async () => {
    await using both = await pair();
    const { one, proxy, lost } = both;
    const end = begin(proxy);
    await expect(one.delete('k')).rejects.toBeInstanceOf(InvalidationPendingError);
    const began = performance.now();
    await one.close();
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(lost.map(({ message }) => message)).toEqual([expect.stringContaining('one invalidation: key "k"')]);
    await end();
  });
});
