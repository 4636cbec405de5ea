import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Dashboard } from '../../src/catalog/queries.ts';
import { until } from '../../src/testing/until.ts';
import { expectProblem } from './expect-problem.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(60_000);

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';
const VIEWER_TOKEN = 'viewer-token-of-the-tests-0123456789';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Without the numbers that depend on when it was made. */
const numbersOf = ({ freshness: _, ...numbers }: Dashboard) => numbers;

const dashboardAt = async (service: TestService, orgId: number): Promise<Dashboard> =>
  (await service.api(`/orgs/${orgId}/dashboard`)).json();
const flush = (service: TestService) => service.api('/cache', { method: 'DELETE', headers: bearer(ADMIN_TOKEN) });
const viewOf = async (service: TestService) =>
  (await (await service.api('/cache/health', { headers: bearer(VIEWER_TOKEN) })).json()).materializedView;
const logged = ({ log }: TestService, event: string) => log.filter((line) => line.event === event);

/** The dashboard once it is read from the view. */
const untilFromView = (service: TestService, orgId: number) =>
  until(
    async () => {
      const dashboard = await dashboardAt(service, orgId);
      return dashboard.freshness.from === 'view' && dashboard;
    },
    { what: `the dashboard of org ${orgId} to come from the view`, within: 15_000, every: 50 },
  );

let surroundings: Surroundings;
let one: TestService;
let other: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  const env = { ...surroundings.env, ADMIN_TOKEN, VIEWER_TOKEN };
  [one, other] = await Promise.all([startService(env), startService(env)]);
});

afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

describe('the dashboard of an org', () => {
  test('has the shape of the contract, and is cached for a minute', async () => {
    const first = await one.api('/orgs/1/dashboard');
    expect(provenance(first)).toEqual({
      status: 200,
      tier: 'source',
      cacheStatus: 'tiercel-l2; fwd=uri-miss; stored, tiercel-l1; fwd=uri-miss; stored',
    });
    const dashboard = await first.json();
    expect(dashboard).toEqual({
      orgId: 1,
      products: 100,
      boms: 50,
      licensePlates: { available: 86, reserved: 29, consumed: 29, shipped: 28, blocked: 28 },
      quantityOnHand: expect.any(Number),
      inventoryValue: expect.any(Number),
      version: expect.any(Number),
      freshness: { from: 'tables', refreshedAt: expect.stringMatching(/^20\d\d-.*Z$/), ageSeconds: 0 },
    });
    expect(Object.keys(dashboard)).toEqual([
      'orgId',
      'products',
      'boms',
      'licensePlates',
      'quantityOnHand',
      'inventoryValue',
      'version',
      'freshness',
    ]);

    const second = await one.api('/orgs/1/dashboard');
    expect(provenance(second)).toEqual({ status: 200, tier: 'l1', cacheStatus: 'tiercel-l1; hit; ttl=N' });
    const ttl = Number(/ttl=(\d+)/.exec(second.headers.get('cache-status') ?? '')?.[1]);
    expect([ttl > 40, ttl <= 60]).toEqual([true, true]);
    expect(await second.json()).toEqual(dashboard);
    const conditional = await one.api('/orgs/1/dashboard', {
      headers: { 'if-none-match': second.headers.get('etag') ?? '' },
    });
    expect(conditional.status).toBe(304);
  });

  test('that is not there is a 404 that is cached, and no other method is known', async () => {
    const first = await one.api('/orgs/999/dashboard');
    expect(provenance(first)).toMatchObject({ status: 404, tier: 'source' });
    await expectProblem(first, 404);
    expect(provenance(await one.api('/orgs/999/dashboard'))).toMatchObject({ status: 404, tier: 'l1' });
    await expectProblem(await one.api('/orgs/abc/dashboard'), 400);
    expect((await one.send('POST', '/orgs/1/dashboard', {})).headers.get('allow')).toBe('GET, HEAD');
  });

  test('lives as long as the configuration says', async () => {
    await using patient = await startService({
      ...surroundings.env,
      CACHE_NAMESPACE: `${surroundings.env.CACHE_NAMESPACE}-patient`,
      CACHE_TTL_DASHBOARD_ORG: '10m',
    });
    await patient.api('/orgs/2/dashboard');
    const ttl = Number(
      /ttl=(\d+)/.exec((await patient.api('/orgs/2/dashboard')).headers.get('cache-status') ?? '')?.[1],
    );
    expect(ttl).toBeGreaterThan(500);
  });

  test('is read from the tables after a change, and from the view again once that has been refreshed', async () => {
    const before = await dashboardAt(one, 1);
    await dashboardAt(other, 1);
    const changed = await one.send('PATCH', '/orgs/1/products/1', { price: 12.5 });
    expect(changed.status).toBe(200);
    const committedAt = Date.now();
    const after = await dashboardAt(one, 1);
    expect(after.freshness.from).toBe('tables');
    expect(after.version).toBeGreaterThan(before.version);
    expect(after.inventoryValue).not.toBe(before.inventoryValue);

    const refreshed = await untilFromView(one, 1);
    expect(numbersOf(refreshed)).toEqual(numbersOf(after));
    expect(Date.parse(refreshed.freshness.refreshedAt)).toBeGreaterThan(committedAt - 1_000);
    expect(numbersOf(await untilFromView(other, 1))).toEqual(numbersOf(after));
    expect(await viewOf(one)).toMatchObject({
      refreshedAt: expect.stringMatching(/^20\d\d-.*Z$/),
      ageSeconds: expect.any(Number),
      refreshing: expect.any(Boolean),
      pending: expect.any(Boolean),
    });
  });

  test('follows every mutation of what it shows', async () => {
    const mutations: (() => Promise<Response>)[] = [
      () => one.send('POST', '/orgs/3/products', { sku: 'DASH', name: 'Dash', price: 1 }),
      () => one.send('PUT', '/orgs/3/boms/101/items', [{ productId: 210, quantity: 1, unit: 'each' }]),
      () => one.send('PATCH', '/orgs/3/license-plates/401', { status: 'blocked', quantity: 3.25 }),
      () => one.send('DELETE', '/orgs/3/products/299'),
    ];
    let { version } = await dashboardAt(one, 3);
    for (const mutate of mutations) {
      expect((await mutate()).ok).toBe(true);
      const next = await dashboardAt(one, 3);
      expect(next.version).toBeGreaterThan(version);
      version = next.version;
    }
    expect(await dashboardAt(one, 3)).toMatchObject({ products: 100 });
  });

  test('follows what is changed past the service, on every instance, and then comes from the view', async () => {
    const before = await dashboardAt(one, 4);
    await dashboardAt(other, 4);
    await one.context.database.sql`update license_plates set quantity = quantity + 1 where org_id = 4`;
    for (const service of [one, other]) {
      await until(async () => (await dashboardAt(service, 4)).version > before.version, {
        what: 'the change to be seen',
        within: 15_000,
      });
    }
    const [row] = await one.context.database.sql`
      select sum(quantity) as quantity from license_plates where org_id = 4 and status not in ('consumed', 'shipped')`;
    expect(await untilFromView(one, 4)).toMatchObject({ quantityOnHand: row?.quantity });
  });

  test('is documented', async () => {
    const { paths } = await (await fetch(`${one.url}/openapi/json`)).json();
    const { get } = paths['/api/v1/orgs/{orgId}/dashboard'];
    expect(get.operationId).toBe('get-dashboard');
    const { schema } = get.responses[200].content['application/json'];
    expect(schema.required).toEqual(Object.keys(schema.properties));
    expect(Object.keys(schema.properties.licensePlates.properties)).toEqual([
      'available',
      'reserved',
      'consumed',
      'shipped',
      'blocked',
    ]);
    expect(Object.keys(schema.properties.freshness.properties)).toEqual(['from', 'refreshedAt', 'ageSeconds']);
  });
});

test('a fleet without writers comes to rest', async () => {
  await one.send('PATCH', '/orgs/5/products/401', { price: 3 });
  await untilFromView(one, 5);
  // Longer than it takes an instance to hear of something, to wait for more, and to refresh.
  const ENOUGH_LOOKS = 60;
  let last: string | undefined;
  let quiet = 0;
  const isAtRest = async () => {
    const views = await Promise.all([one, other].map(viewOf));
    const isQuiet = views.every(
      ({ refreshing, pending, refreshedAt }) => !refreshing && !pending && refreshedAt === last,
    );
    last = views[0].refreshedAt;
    quiet = isQuiet ? quiet + 1 : 0;
    return quiet > ENOUGH_LOOKS;
  };
  await until(isAtRest, { what: 'nobody to refresh any more', within: 30_000, every: 50 });
});

describe('a flush', () => {
  test('refreshes the view before it answers', async () => {
    await dashboardAt(one, 6);
    await one.context.database.sql`update products set price = price + 1 where org_id = 6`;
    const began = (await one.context.database.sql`select now() as at`)[0]?.at as Date;
    const answer = await flush(one);
    expect([answer.status, answer.headers.get('cache-status')]).toEqual([204, null]);
    const { freshness } = await dashboardAt(one, 6);
    expect(freshness.from).toBe('view');
    expect(Date.parse(freshness.refreshedAt)).toBeGreaterThanOrEqual(began.getTime());
  });

  test('does not wait for another instance that refreshes', async () => {
    const { sql } = one.context.database;
    await sql.begin(async (tx) => {
      await tx`lock table org_dashboards_refresh in exclusive mode`;
      expect((await flush(one)).status).toBe(204);
    });
    expect(logged(one, 'view_refresh_failed')).toEqual([]);
  });
});

test('without the view everything works, and one line of the log says so', async () => {
  await using broken = await makeSurroundings();
  await using service = await startService({ ...broken.env, ADMIN_TOKEN, VIEWER_TOKEN });
  const { sql } = service.context.database;
  await sql`drop materialized view org_dashboards`;
  const before = await dashboardAt(service, 1);
  expect(before.freshness.from).toBe('tables');
  expect((await service.send('PATCH', '/orgs/1/products/1', { price: 1 })).status).toBe(200);
  expect((await dashboardAt(service, 1)).version).toBeGreaterThan(before.version);
  expect((await flush(service)).status).toBe(204);
  expect((await flush(service)).status).toBe(204);
  expect(logged(service, 'view_refresh_failed')).toEqual([expect.objectContaining({ level: 'warn' })]);
  expect(await viewOf(service)).toEqual({ refreshedAt: null, ageSeconds: null, refreshing: false, pending: true });
  expect(logged(service, 'request_failed')).toEqual([]);
});

test('the embedded database, which has one connection, has a dashboard too', async () => {
  await using service = await startService({ ADMIN_TOKEN, VIEWER_TOKEN, LOG_LEVEL: 'info' });
  const before = await dashboardAt(service, 1);
  expect(before.freshness.from).toBe('tables');
  const requests = Array.from({ length: 20 }, (_, index) =>
    service.send('PATCH', `/orgs/1/license-plates/${index + 1}`, { quantity: index }),
  );
  for (const answer of await Promise.all(requests)) expect(answer.status).toBe(200);
  expect((await dashboardAt(service, 1)).version).toBeGreaterThan(before.version);
  const answers = await Promise.all([flush(service), viewOf(service), dashboardAt(service, 2), flush(service)]);
  expect([answers[0].status, answers[3].status]).toEqual([204, 204]);
  await service.send('PATCH', '/orgs/1/products/1', { price: 2 });
  const after = await dashboardAt(service, 1);
  expect(numbersOf(await untilFromView(service, 1))).toEqual(numbersOf(after));
});
