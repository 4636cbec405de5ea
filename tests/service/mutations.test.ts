import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService(surroundings.env);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const tierOf = async (path: string) => provenance(await service.api(path)).tier;
const json = async (answer: Promise<Response>) => (await answer).json();

/** Reads paths until each is answered from L1. */
async function warm(...paths: string[]): Promise<void> {
  for (const path of paths) await service.api(path);
  for (const path of paths) expect(await tierOf(path)).toBe('l1');
}

describe('a mutation is acknowledged with its invalidation done:', () => {
  test('a new product is in the list, and at its own path that was asked for before', async () => {
    const [latest] = await service.context.database.sql`select max(id) as id from products`;
    const next = `/orgs/1/products/${latest?.id + 1}`;
    await service.api(next);
    await warm('/orgs/1/products?limit=1000', '/orgs/2/products');

    const answer = await service.send('POST', '/orgs/1/products', { sku: 'NEW-1', name: 'New', price: 12.5 });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/v1${next}`);
    expect(answer.headers.get('cache-status')).toBeNull();
    const created = await answer.json();
    expect(created).toMatchObject({ orgId: 1, sku: 'NEW-1', name: 'New', price: 12.5, unit: 'each' });

    expect(await json(service.api(next))).toEqual(created);
    expect(await json(service.api('/orgs/1/products?limit=1000'))).toContainEqual(created);
    expect(await tierOf('/orgs/2/products')).toBe('l1');
  });

  test('a changed product, with what was left out as it was', async () => {
    await warm('/orgs/1/products/10', '/orgs/1/products', '/orgs/1/products/11');
    const before = await json(service.api('/orgs/1/products/10'));
    const after = await json(service.send('PATCH', '/orgs/1/products/10', { price: 1.25 }));
    expect(after).toEqual({ ...before, price: 1.25, version: expect.any(Number) });
    expect(after.version).toBeGreaterThan(before.version);
    expect(await json(service.api('/orgs/1/products/10'))).toEqual(after);
    expect(await json(service.api('/orgs/1/products'))).toContainEqual(after);
    expect(await tierOf('/orgs/1/products/11')).toBe('l1');
  });

  test('a deleted product is gone, with the BOMs and license plates that went with it', async () => {
    const [bom] = await service.context.database.sql`select id from boms where product_id = 12`;
    const [plate] = await service.context.database.sql`select id from license_plates where product_id = 12`;
    const paths = ['/orgs/1/products/12', `/orgs/1/boms/${bom?.id}`, `/orgs/1/license-plates/${plate?.id}`];
    await warm(...paths, '/orgs/1/products');
    const answer = await service.send('DELETE', '/orgs/1/products/12');
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    for (const path of paths) expect((await service.api(path)).status).toBe(404);
    const ids = (await json(service.api('/orgs/1/products'))).map(({ id }: { id: number }) => id);
    expect(ids).not.toContain(12);
    expect((await service.send('DELETE', '/orgs/1/products/12')).status).toBe(404);
  });

  test("a BOM's new items", async () => {
    await warm('/orgs/1/boms/2', '/orgs/1/boms/3');
    const before = await json(service.api('/orgs/1/boms/2'));
    const items = [
      { productId: 20, quantity: 2.5, unit: 'kg' },
      { productId: 21, quantity: 1, unit: 'each' },
    ];
    const after = await json(service.send('PUT', '/orgs/1/boms/2/items', items));
    expect(after).toEqual({ ...before, items, version: expect.any(Number) });
    expect(after.version).toBeGreaterThan(before.version);
    expect(await json(service.api('/orgs/1/boms/2'))).toEqual(after);
    expect(await tierOf('/orgs/1/boms/3')).toBe('l1');
  });

  test('a changed license plate', async () => {
    await warm('/orgs/1/license-plates/2');
    const after = await json(
      service.send('PATCH', '/orgs/1/license-plates/2', { status: 'blocked', quantity: 0, location: '' }),
    );
    expect(after).toMatchObject({ status: 'blocked', quantity: 0, location: '' });
    expect(await json(service.api('/orgs/1/license-plates/2'))).toEqual(after);
  });
});

describe('a mutation that is refused changes and invalidates nothing:', () => {
  const product = { sku: 'TWICE', name: 'Twice', price: 1 };
  const refusals: [name: string, status: number, () => Promise<Response>][] = [
    ['an unknown org', 404, () => service.send('POST', '/orgs/999/products', product)],
    ["another org's product", 404, () => service.send('PATCH', '/orgs/2/products/30', { name: 'Mine' })],
    ["another org's product to delete", 404, () => service.send('DELETE', '/orgs/2/products/30')],
    [
      "another org's product in a BOM",
      400,
      () => service.send('PUT', '/orgs/1/boms/4/items', [{ productId: 101, quantity: 1, unit: 'each' }]),
    ],
    ['a SKU that is taken', 409, () => service.send('POST', '/orgs/1/products', { ...product, sku: 'SKU-00030' })],
  ];
  for (const [name, status, send] of refusals) {
    test(name, async () => {
      await warm('/orgs/1/products/30', '/orgs/1/boms/4', '/orgs/1/products');
      const answer = await send();
      expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
      for (const path of ['/orgs/1/products/30', '/orgs/1/boms/4', '/orgs/1/products'])
        expect(await tierOf(path)).toBe('l1');
    });
  }
});

describe('while Redis is silent', () => {
  let redis: RedisServer;
  let alone: TestService;

  beforeAll(async () => {
    redis = await startRedis();
    alone = await startService({ ...surroundings.env, REDIS_URL: redis.url });
  });

  afterAll(async () => {
    await alone[Symbol.asyncDispose]();
    await redis.stop();
  });

  test('a mutation stands, says that its invalidation is pending, and is delivered later', async () => {
    await alone.api('/orgs/1/products/40');
    redis.pause();
    const answer = await alone.send('PATCH', '/orgs/1/products/40', { name: 'Pending' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-status')).toBe('tiercel-l2; fwd=method; detail=invalidation-pending');
    const read = await alone.api('/orgs/1/products/40');
    expect([read.status, (await read.json()).name]).toEqual([200, 'Pending']);
    expect(alone.log).toContainEqual(expect.objectContaining({ event: 'invalidation_pending' }));

    redis.resume();
    await until(() => alone.context.cache.health().pending.keys === 0, { what: 'the invalidation to be delivered' });
    await until(
      async () =>
        (await alone.send('PATCH', '/orgs/1/products/40', { name: 'Told' })).headers.get('cache-status') === null,
      {
        what: 'a mutation without a pending invalidation',
      },
    );
    expect((await (await alone.api('/orgs/1/products/40')).json()).name).toBe('Told');
  });
});
