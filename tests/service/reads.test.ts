import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let surroundings: Surroundings;
let one: TestService;
let other: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  [one, other] = await Promise.all([startService(surroundings.env), startService(surroundings.env)]);
});

afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const LOADED = {
  status: 200,
  tier: 'source',
  cacheStatus: 'tiercel-l2; fwd=uri-miss; stored, tiercel-l1; fwd=uri-miss; stored',
};
const FROM_L1 = { status: 200, tier: 'l1', cacheStatus: 'tiercel-l1; hit; ttl=N' };
const FROM_L2 = { status: 200, tier: 'l2', cacheStatus: 'tiercel-l2; hit; ttl=N, tiercel-l1; fwd=uri-miss; stored' };

const resources = [
  ['the product list', '/orgs/1/products?limit=10', 'array'],
  ['a product', '/orgs/1/products/1', 'object'],
  ['a BOM', '/orgs/1/boms/1', 'object'],
  ['a license plate', '/orgs/1/license-plates/1', 'object'],
  ['a dashboard', '/orgs/1/dashboard', 'object'],
  ["a user's permissions", '/orgs/1/users/1/permissions', 'object'],
] as const;

describe('a read', () => {
  for (const [name, path] of resources) {
    test(`of ${name} comes from the source, then L1, on another instance from L2, then L1`, async () => {
      const answers = [await one.api(path), await one.api(path), await other.api(path), await other.api(path)];
      expect(answers.map(provenance)).toEqual([LOADED, FROM_L1, FROM_L2, FROM_L1]);
      const [first, ...rest] = await Promise.all(answers.map((answer) => answer.text()));
      expect(rest).toEqual([first ?? '', first ?? '', first ?? '']);
      expect(new Set(answers.map((answer) => answer.headers.get('etag'))).size).toBe(1);
    });
  }

  test('has the shape of the contract', async () => {
    const product = await (await one.api('/orgs/2/products/101')).json();
    expect(product).toEqual({
      id: 101,
      orgId: 2,
      sku: expect.any(String),
      name: expect.any(String),
      price: expect.any(Number),
      unit: expect.any(String),
      version: expect.any(Number),
    });
    const bom = await (await one.api('/orgs/2/boms/51')).json();
    expect(Object.keys(bom)).toEqual(['id', 'orgId', 'productId', 'name', 'version', 'items']);
    expect(Object.keys(bom.items[0])).toEqual(['productId', 'quantity', 'unit']);
    const plate = await (await one.api('/orgs/2/license-plates/201')).json();
    expect(Object.keys(plate)).toEqual(['id', 'orgId', 'productId', 'quantity', 'status', 'location', 'version']);
    const user = await (await one.api('/orgs/2/users/6/permissions')).json();
    expect(Object.keys(user)).toEqual(['id', 'orgId', 'name', 'permissions']);
  });

  test('carries every header that the contract names', async () => {
    const { headers } = await one.api('/orgs/1/products/2');
    expect(headers.get('content-type')).toBe('application/json');
    expect(headers.get('cache-control')).toBe('private, no-cache');
    expect(headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(headers.get('age')).toBe('0');
    expect(headers.get('server-timing')).toMatch(/^l1;dur=[\d.]+, l2;dur=[\d.]+, source;dur=[\d.]+$/);
  });

  test('is 304 when the client has the bytes, with provenance and without a body', async () => {
    const etag = (await one.api('/orgs/1/products/3')).headers.get('etag') ?? '';
    for (const field of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await one.api('/orgs/1/products/3', { headers: { 'if-none-match': field } });
      expect(provenance(answer)).toEqual({ ...FROM_L1, status: 304 });
      expect([answer.headers.get('etag'), await answer.text()]).toEqual([etag, '']);
    }
    expect((await one.api('/orgs/1/products/3', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  test('by HEAD has the headers of GET and no body', async () => {
    const full = await one.api('/orgs/1/products/4');
    const head = await one.api('/orgs/1/products/4', { method: 'HEAD' });
    expect(provenance(head)).toEqual(FROM_L1);
    expect(head.headers.get('etag')).toBe(full.headers.get('etag'));
    expect(head.headers.get('content-length')).toBe(String((await full.arrayBuffer()).byteLength));
    expect(await head.text()).toBe('');
  });

  test('of something absent is a 404 that is cached', async () => {
    const first = await one.api('/orgs/1/products/999999');
    expect(provenance(first)).toEqual({ ...LOADED, status: 404 });
    expect(first.headers.get('content-type')).toBe('application/problem+json');
    expect(first.headers.get('etag')).toBeNull();
    expect(provenance(await one.api('/orgs/1/products/999999'))).toEqual({ ...FROM_L1, status: 404 });
    expect((await one.api('/orgs/999/products')).status).toBe(404);
  });

  test("in another org's path finds what an id finds that nothing has, warm or not", async () => {
    await one.api('/orgs/1/products/5');
    const answer = await one.api('/orgs/2/products/5');
    const nothing = await one.api('/orgs/2/products/999998');
    expect(provenance(answer)).toEqual(provenance(nothing));
    expect(provenance(answer)).toEqual({ ...LOADED, status: 404 });
    expect([...answer.headers.keys()]).toEqual([...nothing.headers.keys()]);
    expect(answer.headers.get('etag')).toBeNull();
  });
});

test.each([
  [33, 4],
  [50, 2],
  [20, 5],
  [100, 1],
  [1_000, 1],
])('pages of %i lead through the whole list by their links, and none of them is empty', async (limit, pages) => {
  const ids: number[] = [];
  let asked = 0;
  let path: string | undefined = `/api/v1/orgs/3/products?limit=${limit}`;
  while (path !== undefined) {
    const page: Response = await fetch(one.url + path);
    ids.push(...(await page.json()).map(({ id }: { id: number }) => id));
    path = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
    asked += 1;
  }
  expect(ids).toEqual(Array.from({ length: 100 }, (_, index) => 201 + index));
  expect(asked).toBe(pages);
});

test('a change on one instance is on the other when it is acknowledged, or a moment later', async () => {
  await Promise.all([one.api('/orgs/1/products/6'), other.api('/orgs/1/products/6')]);
  const changed = await (await one.send('PATCH', '/orgs/1/products/6', { name: 'Changed' })).json();
  expect(await (await one.api('/orgs/1/products/6')).json()).toEqual(changed);
  await until(async () => (await (await other.api('/orgs/1/products/6')).json()).name === 'Changed', {
    within: 500,
    what: 'the change on the other instance',
  });
});

test('a hundred cold requests on two instances are one query', async () => {
  const before = await queries();
  const requests = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? one : other).api('/orgs/1/boms/20'));
  const answers = await Promise.all(requests);
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
  expect((await queries()) - before).toBe(1);

  async function queries(): Promise<number> {
    return [one, other].reduce(
      (sum, { context }) => sum + (context.cache.stats().groups.find(({ group }) => group === 'bom')?.loads ?? 0),
      0,
    );
  }
});

test('CACHE_DISABLED reads the source each time and says nothing of a cache', async () => {
  await using service = await startService({ ...surroundings.env, CACHE_DISABLED: 'true' });
  await service.context.database.sql`update products set name = 'Before' where id = 700`;
  const before = await service.api('/orgs/7/products/700');
  expect([before.status, (await before.json()).name]).toEqual([200, 'Before']);
  for (const name of ['cache-status', 'x-cache-tier', 'server-timing', 'age', 'etag'])
    expect(before.headers.get(name)).toBeNull();
  await service.context.database.sql`update products set name = 'After' where id = 700`;
  expect((await (await service.api('/orgs/7/products/700')).json()).name).toBe('After');
  expect((await service.api('/orgs/6/products/700')).status).toBe(404);
});
