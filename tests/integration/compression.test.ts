import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { gunzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { CodecError, createCache, type TieredCache, type TierFailure } from 'tiercel';
import { lru } from 'tiercel/lru';
import { type RedisOptions, redis } from 'tiercel/redis';
import { gigabyteOfZeros } from '../support/gzip-bomb.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const HEADER_BYTES = 78;
const rows = Array.from({ length: 500 }, (_, id) => ({
  id,
  name: `Šroub č. ${id} 🔩`,
  price: id / 4,
  tags: ['螺栓', ''],
}));
const json = JSON.stringify(rows);

const owned = new AsyncDisposableStack();
const namespace = uniqueNamespace('zip');
const failures: TierFailure[] = [];
let admin: Redis;
let compressing: TieredCache;
let plain: TieredCache;

beforeAll(async () => {
  const url = await sharedRedis();
  admin = owned.adopt(new Redis(url), (client) => client.disconnect());
  const start = async (compression: RedisOptions['compression']): Promise<TieredCache> => {
    const cache = createCache({
      // Every read asks Redis.
      defaults: { l1Ttl: 0, l2Timeout: '5s', staleIfError: '1h' },
      l1: lru(),
      ...redis(url, { namespace, ...(compression !== undefined && { compression }) }),
      onError: (failure) => failures.push(failure),
    });
    await cache.ready();
    return owned.use(cache);
  };
  compressing = await start(true);
  plain = await start(undefined);
});

afterAll(() => owned.disposeAsync());

/** The one key in Redis of an entry. */
async function keyOf(name: string): Promise<string> {
  const [key = ''] = await admin.keys(`{${namespace}.0}:e:*:${name}`);
  return key;
}

async function bodyOf(name: string): Promise<Buffer> {
  return ((await admin.getBuffer(await keyOf(name))) ?? Buffer.alloc(0)).subarray(HEADER_BYTES);
}

const never = () => 'loaded again';

describe('instances with and without compression', () => {
  test('share their entries', async () => {
    await compressing.getOrSet('by:load', () => rows);
    await compressing.set('by:set', rows);
    await plain.getOrSet('plain', () => rows);
    for (const name of ['by:load', 'by:set', 'plain']) {
      for (const reader of [compressing, plain])
        expect(await reader.lookup<unknown>(name, never)).toMatchObject({ value: rows, tier: 'l2' });
    }
    expect(await plain.getOrSet<unknown>('by:load', never)).toEqual(rows);
    for (const name of ['by:load', 'by:set']) {
      const body = await bodyOf(name);
      expect(body.length).toBeLessThan(Buffer.byteLength(json) * 0.3);
      // Anybody with gzip can read it.
      expect(gunzipSync(body).toString()).toEndWith(`,${json}]`);
    }
    expect((await bodyOf('plain')).toString()).toEndWith(`,${json}]`);
  });

  test('leave small values as they are', async () => {
    await compressing.getOrSet('small', () => 'small');
    expect((await bodyOf('small')).toString()).toEndWith(',"small"]');
  });

  test('expire a compressed value in place', async () => {
    await compressing.getOrSet('expired', () => rows);
    await plain.expire('expired');
    const fails = () => Promise.reject(new Error('the source is away'));
    expect(await plain.lookup<unknown>('expired', fails)).toMatchObject({ value: rows, state: 'stale', tier: 'l2' });
  });
});

describe('compressed bytes that are no entry are a miss, told of, and replaced:', () => {
  const put = async (name: string, body: Buffer): Promise<void> => {
    const key = await keyOf(name);
    const header = (await admin.getBuffer(key))?.subarray(0, HEADER_BYTES) ?? Buffer.alloc(0);
    await admin.set(key, Buffer.concat([header, body]));
  };

  test.each([
    ['damaged', () => bodyOf('damaged').then((body) => body.fill(0, 100, 200)), /damaged gzip$/],
    ['cut', () => bodyOf('cut').then((body) => body.subarray(0, -20)), /damaged gzip$/],
    ['bomb', gigabyteOfZeros, /unpack to more than maxValueBytes, which is 16777216$/],
  ] as const)('%s', async (name, make, message) => {
    await compressing.getOrSet(name, () => rows);
    await put(name, await make());
    failures.length = 0;
    expect(await plain.get(name)).toBeUndefined();
    expect(await plain.lookup(name, () => 'loaded')).toMatchObject({ value: 'loaded', tier: 'source' });
    expect(failures).toHaveLength(2);
    for (const { error, operation, tier, key } of failures) {
      expect({ operation, tier, key }).toEqual({ operation: 'decode', tier: 'l2', key: name });
      expect(error).toBeInstanceOf(CodecError);
      expect(String(error)).toMatch(message);
    }
    expect(await compressing.lookup<unknown>(name, never)).toMatchObject({ value: 'loaded', tier: 'l2' });
    expect(plain.health().l2?.breaker).toBe('closed');
  });
});
