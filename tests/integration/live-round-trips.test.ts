import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { isInUse } from '../soak/library-pair.ts';
import type { ProxyConnection } from '../support/proxy-connection.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { isData, redisWire } from '../support/redis-wire.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

/** So that no heartbeat falls between a question and its answer: they come every third of it. */
const MAX_LAG = '10m';

const owned = new AsyncDisposableStack();
const wire = redisWire();
/** Data connections that have been asked something and have not begun to answer. */
const asking = new Set<ProxyConnection>();
let turns = 0;
let filler: TieredCache;
let cache: TieredCache;

beforeAll(async () => {
  const url = await sharedRedis();
  const namespace = uniqueNamespace('trips');
  const proxy = owned.use(
    await startProxy({
      target: url,
      onClientData(connection, bytes) {
        wire.observers.onClientData?.(connection, bytes);
        // Several commands in one packet, or one after the other before the first reply, are one round trip.
        if (isData(connection) && !asking.has(connection)) turns += 1;
        asking.add(connection);
      },
      onServerData: (connection) => asking.delete(connection),
    }),
  );
  const start = async (address: string): Promise<TieredCache> => {
    const started = owned.use(createCache({ l1: lru(), ...redis(address, { namespace }), maxLag: MAX_LAG }));
    await until(() => isInUse(started), { what: 'the first proof' });
    return started;
  };
  filler = await start(url);
  cache = await start(proxy.through(url));
  // The first read of all learns the generation of the root namespace.
  await cache.getOrSet('first', () => 0);
});

afterAll(() => owned.disposeAsync());

/** Round trips of one read, as the wire shows them, and the tier that answered. */
async function trips(read: () => Promise<{ tier: string }>): Promise<[tier: string, trips: number]> {
  turns = 0;
  const { tier } = await read();
  await until(() => asking.size === 0, { what: 'every question to be answered' });
  return [tier, turns];
}

const lookup = (key: string, tags: string[] = []) => trips(() => cache.lookup(key, () => 'loaded here', { tags }));
const fill = (key: string, tags: string[] = []) => filler.getOrSet(key, () => 'loaded there', { tags });

describe('round trips, counted on the wire', () => {
  test('a miss takes two, then a hit in L1 none', async () => {
    expect(await lookup('cold')).toEqual(['source', 2]);
    expect(await lookup('cold')).toEqual(['l1', 0]);
  });

  test('a hit in L2 takes one', async () => {
    await fill('there');
    expect(await lookup('there')).toEqual(['l2', 1]);
    expect(await lookup('there')).toEqual(['l1', 0]);
  });

  test('tags that the caller names cost no more, known or not', async () => {
    await fill('named', ['t']);
    expect(await lookup('named', ['t'])).toEqual(['l2', 1]);
    expect(await lookup('cold and named', ['u'])).toEqual(['source', 2]);
  });

  test('a tag that only the record names takes one more until its generation is known', async () => {
    for (const key of ['first of v', 'second of v']) await fill(key, ['v']);
    expect(await lookup('first of v')).toEqual(['l2', 2]);
    expect(await lookup('second of v')).toEqual(['l2', 1]);
  });

  test('the count tells two from one: two reads after each other take two', async () => {
    for (const key of ['one', 'two']) await fill(key);
    const both = async () => {
      await cache.lookup('one', () => 'loaded here');
      return cache.lookup('two', () => 'loaded here');
    };
    expect(await trips(both)).toEqual(['l2', 2]);
  });
});
