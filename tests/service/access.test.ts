import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createToken, revokeToken } from '../../src/catalog/tokens.ts';
import { until } from '../../src/testing/until.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ADMIN = 'admin-token-of-the-tests-0123456789';
const VIEWER = 'viewer-token-of-the-tests-0123456789';

let surroundings: Surroundings;
let service: TestService;
let reader: string;
let writer: string;
let everywhere: string;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService({ ...surroundings.env, AUTH: 'token', ADMIN_TOKEN: ADMIN, VIEWER_TOKEN: VIEWER });
  const { sql } = service.context.database;
  reader = (await createToken(sql, { orgId: 1, role: 'reader' })).token;
  writer = (await createToken(sql, { orgId: 1, role: 'writer' })).token;
  everywhere = (await createToken(sql, { orgId: '*', role: 'writer' })).token;
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const get = (path: string, token: string, headers = {}) =>
  service.api(path, { headers: { ...bearer(token), ...headers } });

describe('without a token that is good', () => {
  const wrong: [name: string, headers: Record<string, string>][] = [
    ['no token', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a made-up one', bearer(`tct_${'A'.repeat(43)}`)],
    ['one of another form', bearer('x')],
    ['another scheme', { authorization: `Basic ${btoa(`x:${ADMIN}`)}` }],
    ['half of the right one', bearer(ADMIN.slice(0, -1))],
    ['two at once', { authorization: `Bearer ${ADMIN}, Bearer ${ADMIN}` }],
  ];
  for (const [name, headers] of wrong) {
    test(`${name} is 401 on data and operators' routes alike, before anything else is looked at`, async () => {
      await get('/orgs/1/products/1', reader);
      for (const path of [
        '/orgs/1/products/1',
        '/orgs/1/products/abc',
        '/orgs/1/products?nonsense',
        '/cache',
        '/cache/health',
      ]) {
        const answer = await service.api(path, { headers: { ...headers, 'if-none-match': '*' } });
        expect(provenance(answer)).toEqual({ status: 401, tier: null, cacheStatus: null });
        expect([answer.headers.get('www-authenticate'), answer.headers.get('etag')]).toEqual(['Bearer', null]);
      }
      expect((await service.send('PATCH', '/orgs/1/products/1', 'nonsense', headers)).status).toBe(401);
    });
  }

  test('a token in the query does not count', async () => {
    expect((await service.api(`/orgs/1/products/1?token=${ADMIN}`)).status).toBe(401);
  });
});

describe("another org's data", () => {
  const paths = [
    '/orgs/2/products/101',
    '/orgs/2/products',
    '/orgs/2/boms/51',
    '/orgs/2/license-plates/201',
    '/orgs/2/dashboard',
    '/orgs/2/users/6/permissions',
  ];

  test('is not found, however warm, by path or by its tag', async () => {
    for (const path of paths) expect((await get(path, everywhere)).status).toBe(200);
    for (const path of paths) {
      const etag = (await get(path, everywhere)).headers.get('etag') ?? '';
      for (const condition of [etag, '*']) {
        const answer = await get(path, writer, { 'if-none-match': condition });
        expect(provenance(answer)).toEqual({ status: 404, tier: null, cacheStatus: null });
        expect([answer.headers.get('etag'), answer.headers.get('age'), answer.headers.get('server-timing')]).toEqual([
          null,
          null,
          null,
        ]);
        expect(Object.keys(await answer.json())).toEqual(['type', 'title', 'status', 'detail', 'instance']);
      }
    }
  });

  test("under one's own path is the miss that an id is which nothing has, first loaded, then cached", async () => {
    const [loaded, kept] = [
      'tiercel-l2; fwd=uri-miss; stored, tiercel-l1; fwd=uri-miss; stored',
      'tiercel-l1; hit; ttl=N',
    ];
    const disguised = paths.filter((path) => path !== '/orgs/2/products' && path !== '/orgs/2/dashboard');
    for (const path of disguised.map((theirs) => theirs.replace('/orgs/2/', '/orgs/1/'))) {
      for (const asked of [path, path.replace(/\d+(\/permissions)?$/, '999999$1')]) {
        const answers = [await get(asked, writer), await get(asked, writer, { 'if-none-match': '*' })];
        expect(answers.map(provenance)).toEqual([
          { status: 404, tier: 'source', cacheStatus: loaded },
          { status: 404, tier: 'l1', cacheStatus: kept },
        ]);
        expect(answers.map(({ headers }) => headers.get('etag'))).toEqual([null, null]);
      }
    }
  });

  test('cannot be changed', async () => {
    expect((await service.send('PATCH', '/orgs/2/products/101', { name: 'x' }, bearer(writer))).status).toBe(404);
    expect((await service.send('PATCH', '/orgs/1/products/101', { name: 'x' }, bearer(writer))).status).toBe(404);
    expect((await service.send('DELETE', '/orgs/1/products/101', undefined, bearer(writer))).status).toBe(404);
    expect((await get('/orgs/2/products/101', everywhere)).status).toBe(200);
  });
});

describe('a role', () => {
  const change = (token: string) => service.send('PATCH', '/orgs/1/products/3', { unit: 'kg' }, bearer(token));

  test('decides who reads and who writes', async () => {
    const statuses = await Promise.all(
      [reader, writer, everywhere, VIEWER, ADMIN].map(async (token) => [
        (await get('/orgs/1/products/3', token)).status,
        (await change(token)).status,
      ]),
    );
    expect(statuses).toEqual([
      [200, 403],
      [200, 200],
      [200, 200],
      [200, 403],
      [200, 200],
    ]);
  });

  test('decides who watches', async () => {
    const statuses = await Promise.all(
      [reader, writer, everywhere, VIEWER, ADMIN].map(async (token) => (await get('/cache', token)).status),
    );
    expect(statuses).toEqual([403, 403, 403, 200, 200]);
  });
});

test('a revoked token is refused within moments', async () => {
  const { sql } = service.context.database;
  const { token, record } = await createToken(sql, { orgId: 1, role: 'reader' });
  expect((await get('/orgs/1/products/1', token)).status).toBe(200);
  await revokeToken(sql, record.id);
  await until(async () => (await get('/orgs/1/products/1', token)).status === 401, {
    within: 3_000,
    what: 'the token to be refused',
  });
});

test('an expired token is refused at its moment, whatever is remembered of it', async () => {
  const { sql } = service.context.database;
  const { token, record } = await createToken(sql, { orgId: 1, role: 'reader', expiresInMs: 3_600_000 });
  expect((await get('/orgs/1/products/1', token)).status).toBe(200);
  await sql`update api_tokens set expires_at = now() where id = ${record.id}`;
  await until(async () => (await get('/orgs/1/products/1', token)).status === 401, {
    within: 3_000,
    what: 'the token to be refused',
  });

  const brief = await createToken(sql, { orgId: 1, role: 'reader', expiresInMs: 300 });
  const end = brief.record.expiresAt?.getTime() ?? 0;
  await get('/orgs/1/products/1', brief.token);
  await until(() => Date.now() > end, { what: 'the end of the token' });
  const answer = await get('/orgs/1/products/1', brief.token);
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
});

test('routes of operators are closed while no token for them is configured', async () => {
  await using closed = await startService(surroundings.env);
  for (const path of ['/cache', '/cache/health']) {
    for (const headers of [{}, bearer(ADMIN), bearer(writer)])
      expect((await closed.api(path, { headers })).status).toBe(403);
  }
  expect((await closed.api('/orgs/1/products/1')).status).toBe(200);
});
