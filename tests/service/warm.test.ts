import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { WarmUpReport } from '../../src/service/warming/warm-up-report.ts';
import { until } from '../../src/testing/until.ts';
import { expectProblem } from './expect-problem.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(30_000);

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
/** What the sample catalog has to warm: a list for each of 10 orgs, and all products and BOMs, since no org has more than 100. */
const ALL = { products: 10, product: 1_000, bom: 500 };

const reportOf = async (service: TestService): Promise<WarmUpReport> =>
  (await (await service.api('/cache/health', { headers })).json()).warmup;

const untilOver = (service: TestService): Promise<WarmUpReport> =>
  until(
    async () => {
      const report = await reportOf(service);
      return report.state !== 'running' && report;
    },
    { what: 'the end of the warm-up', within: 15_000 },
  );

const tierOf = async (service: TestService, path: string) => provenance(await service.api(path)).tier;

describe('the cache', () => {
  let surroundings: Surroundings;
  let env: Record<string, string>;
  let one: TestService;
  let other: TestService;

  beforeAll(async () => {
    surroundings = await makeSurroundings();
    // A fill that a busy machine holds up would be loaded by both.
    env = { ...surroundings.env, ADMIN_TOKEN, DATABASE_POOL: '16', REDIS_TIMEOUT_MS: '2000' };
    [one, other] = await Promise.all([startService(env), startService(env)]);
  });

  afterAll(async () => {
    await one[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await surroundings[Symbol.asyncDispose]();
  });

  const warm = (service: TestService, body: unknown = {}) => service.send('POST', '/cache/warm', body, headers);

  test('says what it cannot warm, and of what kind a body must be', async () => {
    const bad: [body: unknown, detail: string][] = [
      [
        { resources: ['product', 'license-plate'] },
        '"license-plate" cannot be warmed; what can is products, product, bom',
      ],
      [{ resources: [] }, '/resources'],
      [{ resources: 'product' }, '/resources'],
      [{ resources: [1] }, '/resources/0'],
      [{ resource: ['product'] }, '/resource'],
      [[], 'the body'],
    ];
    for (const [body, detail] of bad) {
      expect((await expectProblem(await warm(one, body), 400)).detail).toContain(detail);
    }
    expect(await reportOf(one)).toMatchObject({ state: 'idle', reason: null, total: null });
  });

  test('is warmed on demand, in part or as a whole, and every instance takes over what another has loaded', async () => {
    const answer = await warm(one, { resources: ['products', 'bom'] });
    expect([answer.status, answer.headers.get('location')]).toEqual([202, '/api/v1/cache/health']);
    expect(await answer.json()).toMatchObject({ state: 'running', reason: 'request' });
    const { bom, products } = ALL;
    expect(await untilOver(one)).toMatchObject({
      state: 'done',
      total: bom + products,
      loaded: bom + products,
      failed: 0,
      byResource: { bom: { total: bom, loaded: bom }, products: { total: products, loaded: products } },
    });
    // Without a body it is everything.
    expect((await other.api('/cache/warm', { method: 'POST', headers })).status).toBe(202);
    const all = ALL.products + ALL.product + ALL.bom;
    expect(await untilOver(other)).toMatchObject({ total: all, loaded: ALL.product, fresh: bom + products, failed: 0 });
    const paths = ['/orgs/7/products', '/orgs/7/products/650', '/orgs/7/boms/340'];
    for (const path of paths) expect([path, await tierOf(other, path)]).toEqual([path, 'l1']);
    expect(await Promise.all(paths.map((path) => tierOf(one, path)))).toEqual(['l1', 'l2', 'l1']);
    expect(await tierOf(other, '/orgs/7/license-plates/1300')).toBe('source');

    const [warmed] = other.log.filter(({ event }) => event === 'cache_warmed');
    expect(warmed).toMatchObject({
      level: 'info',
      reason: 'request',
      total: all,
      resources: ['products', 'product', 'bom'],
    });
    const actions = other.log.filter(({ event }) => event === 'admin_action');
    expect(actions).toMatchObject([{ action: 'warm', began: true, resources: 'products,product,bom' }]);
  });

  test('counts no hit and no miss for it, and only loads what is not there', async () => {
    const { hits, misses, loads } = one.context.cache.stats();
    await warm(one);
    expect(await untilOver(one)).toMatchObject({ loaded: 0, fresh: 1_510 });
    expect(one.context.cache.stats()).toMatchObject({ hits, misses, loads });
  });

  test('stops warming when it is told to', async () => {
    await one.context.cache.clear();
    await warm(one);
    expect((await warm(one, { resources: ['bom'] })).status).toBe(202);
    const ended = await one.api('/cache/warm', { method: 'DELETE', headers });
    expect(ended.status).toBe(200);
    const report: WarmUpReport = await ended.json();
    expect(report).toMatchObject({ state: 'aborted', byResource: { products: {}, product: {}, bom: {} } });
    expect(report.done).toBeLessThan(1_510);
    expect((await (await one.api('/cache/warm', { method: 'DELETE', headers })).json()).state).toBe('aborted');
    expect(one.log.filter(({ event }) => event === 'cache_warming_aborted')).toMatchObject([{ cause: 'cancelled' }]);
  });

  test('learns what is read most from what is answered, of whichever tier, and forgets nothing for it', async () => {
    const { sql } = other.context.database;
    await other.context.cache.clear();
    const product = '/orgs/1/products/42';
    await warm(other, { resources: ['product'] });
    await untilOver(other);
    const state = () => sql`
      select (select json_agg(to_jsonb(products) - 'access_count' order by id) from products) as products,
             (select json_agg(to_jsonb(boms) - 'access_count' order by id) from boms) as boms,
             (select max(id) from tiercel_outbox) as outbox`;
    const before = await state();
    {
      await using reader = await startService(env);
      const etag = (await reader.api(product)).headers.get('etag') ?? '';
      for (let read = 0; read < 4; read += 1) await reader.api(product, { headers: { 'if-none-match': etag } });
      await reader.api('/orgs/1/boms/7');
      const refused = ['/orgs/1/products/999999', '/orgs/2/products/43', '/orgs/1/products/0', '/orgs/1/boms/499'];
      for (const path of refused) expect((await reader.api(path)).status).toBeGreaterThanOrEqual(400);
    }
    expect(await sql`select id, access_count from products where id in (42, 43) order by id`).toMatchObject([
      { id: 42, access_count: 5 },
      { id: 43, access_count: 0 },
    ]);
    expect(await sql`select id, access_count from boms where id in (7, 499) order by id`).toMatchObject([
      { id: 7, access_count: 1 },
      { id: 499, access_count: 0 },
    ]);
    expect(await state()).toEqual(before);
    expect(await tierOf(other, product)).toBe('l1');
  });
});

describe('a service that is to be warm before it is called ready', () => {
  test('serves, says that it is warming, and is ready when it is warm: with its own database and no Redis, too', async () => {
    await using service = await startService({ CACHE_WARM_ON_START: 'true', TIERCEL_PROFILE: 'dev', ADMIN_TOKEN });
    const probe = (path: string) => fetch(service.url + path);
    const notReady = await probe('/readyz');
    expect((await expectProblem(notReady, 503)).detail).toContain('Warming');
    expect(notReady.headers.get('retry-after')).toBe('1');
    expect((await probe('/livez')).status).toBe(200);
    expect((await service.api('/orgs/1/license-plates/1')).status).toBe(200);
    expect(await reportOf(service)).toMatchObject({ state: 'running', reason: 'start' });
    await until(async () => (await probe('/readyz')).status === 200, {
      what: 'the service to be ready',
      within: 15_000,
    });
    expect(await reportOf(service)).toMatchObject({ state: 'done', loaded: 1_510, failed: 0 });
    expect(await tierOf(service, '/orgs/10/products/1000')).toBe('l1');
  });
});
