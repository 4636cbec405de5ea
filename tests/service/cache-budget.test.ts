import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

// What a reader can make up, ids and pages, must not fill Redis.

const KEYS = 'k2:MDEyMzQ1Njc4OWFiY2RlZg==,k1:ZmVkY2JhOTg3NjU0MzIxMA==';

const STORED = 'tiercel-l2; fwd=uri-miss; stored, tiercel-l1; fwd=uri-miss; stored';
const OVER_BUDGET = 'tiercel-l2; fwd=uri-miss; detail=budget, tiercel-l1; fwd=uri-miss; detail=budget';

let surroundings: Surroundings;
let service: TestService;
let uncached: TestService;
let tight: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  const { env } = surroundings;
  const namespace = `${env.CACHE_NAMESPACE}-tight`;
  [service, uncached, tight] = await Promise.all([
    startService(env),
    startService({ ...env, CACHE_DISABLED: 'true' }),
    startService({ ...env, CACHE_NAMESPACE: namespace, CACHE_NEW_KEYS_PER_MINUTE: '5', CACHE_INTEGRITY_KEYS: KEYS }),
  ]);
});

afterAll(async () => {
  for (const each of [service, uncached, tight]) await each[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

test('what goes to Redis is signed with the first of CACHE_INTEGRITY_KEYS', async () => {
  expect((await tight.api('/orgs/9/products/801')).status).toBe(200);
  const redis = new Redis(surroundings.env.REDIS_URL ?? '');
  try {
    const [key = ''] = await redis.keys(`{${surroundings.env.CACHE_NAMESPACE}-tight.0}:e:*:product:9:801`);
    expect(await redis.get(key)).toMatch(/mac=k2:[0-9a-f]{32};/);
  } finally {
    redis.disconnect();
  }
});

async function keysInRedis(pattern: string): Promise<number> {
  const redis = new Redis(surroundings.env.REDIS_URL ?? '');
  try {
    return (await redis.keys(`{${surroundings.env.CACHE_NAMESPACE}.0}:${pattern}`)).length;
  } finally {
    redis.disconnect();
  }
}

describe('a page of a list', () => {
  const page = (limit: number, init?: RequestInit) => service.api(`/orgs/3/products?limit=${limit}`, init);

  test('is cut from the page that is cached, with the ETag and the Link of what was asked', async () => {
    const asked = [7, 10, 7, 9];
    const answers: Response[] = [];
    for (const limit of asked) answers.push(await page(limit));
    expect(answers.map((answer) => answer.headers.get('x-cache-tier'))).toEqual(['source', 'l1', 'l1', 'l1']);
    const lists: { id: number }[][] = await Promise.all(answers.map((answer) => answer.json()));
    expect(lists.map(({ length }) => length)).toEqual(asked);
    const etags = answers.map((answer) => answer.headers.get('etag'));
    expect([etags[2], new Set(etags).size]).toEqual([etags[0], 3]);
    for (const [index, limit] of asked.entries()) {
      const next = `</api/v1/orgs/3/products?limit=${limit}&after=${lists[index]?.at(-1)?.id}>; rel="next"`;
      expect(answers[index]?.headers.get('link')).toBe(next);
    }
    const condition = { headers: { 'if-none-match': etags[0] ?? '' } };
    expect([(await page(7, condition)).status, (await page(10, condition)).status]).toEqual([304, 200]);
  });

  test('is what it is without a cache, byte for byte and with the same Link', async () => {
    for (const query of [
      '',
      '?limit=1',
      '?limit=11&after=415',
      '?limit=99',
      '?limit=100',
      '?limit=101',
      '?limit=5&after=497',
    ]) {
      const path = `/orgs/5/products${query}`;
      const [cached, again, plain] = [await service.api(path), await service.api(path), await uncached.api(path)];
      const expected = await plain.text();
      expect([path, await cached.text(), await again.text()]).toEqual([path, expected, expected]);
      const links = [cached, again, plain].map((answer) => answer.headers.get('link'));
      expect([path, ...links]).toEqual([path, links[2] ?? null, links[2] ?? null, links[2] ?? null]);
    }
  });

  test('of whatever size is one of seven keys', async () => {
    for (const limit of [1, 9, 10, 11, 25, 26, 49, 50, 51, 100, 101, 249, 250, 251, 500, 501, 999, 1_000])
      expect((await service.api(`/orgs/4/products?limit=${limit}`)).status).toBe(200);
    expect(await keysInRedis('e:*:products:org:4:*')).toBe(7);
  });
});

test('ids that nothing has leave no tag of their own, and stay for no longer than absence does', async () => {
  const tags = () => keysInRedis('t:*');
  await service.api('/orgs/6/products/900000');
  const before = await tags();
  for (let id = 900_001; id < 900_030; id += 1) expect((await service.api(`/orgs/6/products/${id}`)).status).toBe(404);
  expect(await tags()).toBe(before);

  const redis = new Redis(surroundings.env.REDIS_URL ?? '');
  try {
    const keys = await redis.keys(`{${surroundings.env.CACHE_NAMESPACE}.0}:e:*:product:6:*`);
    expect(keys).toHaveLength(30);
    for (const key of keys) expect(await redis.pttl(key)).toBeLessThanOrEqual(30_000);
  } finally {
    redis.disconnect();
  }
});

describe('new keys beyond the budget of an org', () => {
  /** Asks for ids until one is over the budget. A minute may begin in between, and with it another budget. */
  async function untilOver(org: number, first: number): Promise<{ readonly stored: number; readonly id: number }> {
    for (let id = first; id < first + 20; id += 1) {
      const { status, cacheStatus } = provenance(await tight.api(`/orgs/${org}/products/${id}`));
      if (cacheStatus === OVER_BUDGET) return { stored: id - first, id };
      expect([status, cacheStatus]).toEqual([id > 1_000 ? 404 : 200, STORED]);
    }
    throw new Error('The budget has no end');
  }

  test('are answered and not stored, be they absent or not', async () => {
    for (const [org, first] of [
      [1, 1],
      [2, 900_000],
    ] as const) {
      const { stored, id } = await untilOver(org, first);
      expect(stored).toBeGreaterThanOrEqual(5);
      expect(stored).toBeLessThanOrEqual(10);
      const again = await tight.api(`/orgs/${org}/products/${id}`);
      expect([again.status, again.headers.get('x-cache-tier')]).toEqual([org === 1 ? 200 : 404, 'source']);
    }
  });

  test('cost what is cached nothing, and other orgs neither', async () => {
    await untilOver(7, 601);
    expect((await tight.api('/orgs/7/products/601')).headers.get('x-cache-tier')).toBe('l1');
    expect(provenance(await tight.api('/orgs/8/products/701')).cacheStatus).toBe(STORED);
    await tight.send('PATCH', '/orgs/7/products/601', { name: 'Changed' });
    expect(provenance(await tight.api('/orgs/7/products/601'))).toMatchObject({ status: 200, cacheStatus: STORED });
  });
});
