import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { createToken, revokeToken } from '../../src/catalog/tokens.ts';
import { until } from '../../src/testing/until.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { startInstance } from './support/instances.ts';
import { printFigures, timed } from './support/measure.ts';
import { cacheHeadersOf } from './support/provenance.ts';

setDefaultTimeout(30_000);

const ADMIN = 'admin-token-of-the-tests-0123456789';
/** What a revocation may take: an instance asks for a token again after a second. */
const REVOKED_WITHIN_MS = 2_000;
/** So short that a test sees it end. */
const TTL_MS = 200;

/** What org 2 has, each by its own path. */
const THEIRS = [
  '/api/v1/orgs/2/products/101',
  '/api/v1/orgs/2/products?limit=5',
  '/api/v1/orgs/2/boms/51',
  '/api/v1/orgs/2/license-plates/201',
  '/api/v1/orgs/2/dashboard',
  '/api/v1/orgs/2/users/6/permissions',
];

const owned = new AsyncDisposableStack();
let sql: Sql;
let one: ServiceProcess;
let other: ServiceProcess;
let brief: ServiceProcess;
let writer: string;
let reader: string;

beforeAll(async () => {
  const { env } = owned.use(await makeCatalogEnvironment());
  const guarded = { ...env, AUTH: 'token', ADMIN_TOKEN: ADMIN };
  sql = postgres(env.DATABASE_URL, { max: 1 });
  owned.defer(() => sql.end());
  [one, other, brief] = await Promise.all([
    startInstance(owned, guarded),
    startInstance(owned, guarded),
    startInstance(owned, {
      ...guarded,
      CACHE_NAMESPACE: `${env.CACHE_NAMESPACE}-brief`,
      CACHE_TTL_PRODUCT: String(TTL_MS),
      LOG_LEVEL: 'debug',
    }),
  ]);
  writer = (await createToken(sql, { orgId: 1, role: 'writer' })).token;
  reader = (await createToken(sql, { orgId: 1, role: 'reader' })).token;
}, 60_000);

afterAll(() => owned.disposeAsync());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

function get(service: ServiceProcess, path: string, token: string, headers: Readonly<Record<string, string>> = {}) {
  return service.fetch(path, { headers: { ...bearer(token), ...headers } });
}

/** A 404 that tells nothing but that there is nothing. */
async function expectNothing(answer: Response, path: string): Promise<void> {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  expect(cacheHeadersOf(answer)).toEqual([]);
  expect(await answer.json()).toEqual({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'There is no such thing in this org',
    instance: new URL(path, one.url).pathname,
  });
}

describe("org 1's token on what org 2 has, warm in L1 and L2", () => {
  const etags = new Map<string, string>();

  beforeAll(async () => {
    for (const path of THEIRS) {
      for (const [service, tier] of [
        [one, 'source'],
        [one, 'l1'],
        [other, 'l2'],
      ] as const) {
        const answer = await get(service, path, ADMIN);
        expect([answer.status, answer.headers.get('x-cache-tier')]).toEqual([200, tier]);
        etags.set(path, answer.headers.get('etag') ?? '');
      }
    }
    expect([...etags.values()]).not.toContain('');
  });

  for (const path of THEIRS) {
    test(`${path} is nothing, with and without a condition, by reading and by writing tokens`, async () => {
      const etag = etags.get(path) ?? '';
      for (const service of [one, other]) {
        for (const token of [reader, writer]) {
          await expectNothing(await get(service, path, token), path);
          for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
            await expectNothing(await get(service, path, token, { 'if-none-match': condition }), path);
        }
        const head = await service.fetch(path, { method: 'HEAD', headers: bearer(reader) });
        expect([head.status, cacheHeadersOf(head), await head.text()]).toEqual([404, [], '']);
      }
    });
  }

  test('what does not exist in org 2 looks the same as what does', async () => {
    const path = '/api/v1/orgs/2/products/999999';
    await expectNothing(await get(one, path, reader), path);
  });
});

test('what is stale in L1 is nothing as well', async () => {
  const path = '/api/v1/orgs/2/products/101';
  const servedStale = () =>
    brief.logs.some(({ event, key, tier }) => event === 'cache_stale' && key === 'product:2:101' && tier === 'l1');
  const answers: Response[] = [];
  await until(
    async () => {
      answers.push(await get(brief, path, reader), await get(brief, path, reader, { 'if-none-match': '*' }));
      expect((await get(brief, path, ADMIN)).status).toBe(200);
      return servedStale();
    },
    { what: 'an entry that is served stale to those who may see it', every: TTL_MS / 10 },
  );
  for (const answer of answers) await expectNothing(answer, path);
});

describe("another org's id under one's own path", () => {
  /** Of each kind 43 rows of org 2, and as many ids that nothing has; no test has asked for them before. */
  const KINDS = [
    ['products', 110],
    ['boms', 55],
    ['license-plates', 210],
    ['users', 900],
  ] as const;
  const EACH = 43;
  /** Asked in this order: what is absent is loaded, then kept in L1 and L2. */
  const ASKED: readonly (readonly [from: 'one' | 'other', init: RequestInit, tier: string])[] = [
    ['one', {}, 'source'],
    ['one', {}, 'l1'],
    ['one', { headers: { 'if-none-match': '*' } }, 'l1'],
    ['one', { method: 'HEAD' }, 'l1'],
    ['other', {}, 'l2'],
  ];

  /** An answer without what depends on the moment and on the digits of the id. */
  async function shown(answer: Response, path: string): Promise<object> {
    const headers = Object.fromEntries(answer.headers);
    const body = await answer.text();
    if (body !== '') expect(headers['content-length']).toBe(String(new TextEncoder().encode(body).length));
    for (const name of ['date', 'content-length', 'age', 'x-request-id']) if (name in headers) headers[name] = 'N';
    for (const name of ['cache-status', 'server-timing'])
      headers[name] = (headers[name] ?? 'none').replaceAll(/(ttl|dur)=-?[\d.]+/g, '$1=N');
    return { status: answer.status, headers, body: body.replace(path, 'PATH') };
  }

  async function looks(path: string): Promise<{ readonly answers: object[]; readonly ms: number }> {
    const answers: object[] = [];
    let ms = 0;
    for (const [from, init, tier] of ASKED) {
      const service = from === 'one' ? one : other;
      const { value, ms: took } = await timed(() =>
        service.fetch(path, { ...init, headers: { ...bearer(reader), ...init.headers } }),
      );
      if (answers.length === 0) ms = took;
      expect([path, value.status, value.headers.get('x-cache-tier')]).toEqual([path, 404, tier]);
      answers.push(await shown(value, path));
    }
    return { answers, ms };
  }

  const loads = async () => Number((await (await get(one, '/api/v1/cache', ADMIN)).json()).loads);

  test('is the same miss as an id that nothing has: headers, body and the way taken, in 172 of 172 pairs', async () => {
    await sql`
      insert into users (id, org_id, name) select id, 2, 'Somebody' from generate_series(900, ${900 + EACH}::int) id
      on conflict do nothing`;
    const times: Record<'foreign' | 'absent', number[]> = { foreign: [], absent: [] };
    const before = await loads();
    let apart = 0;
    let pairs = 0;
    for (const [kind, first] of KINDS) {
      const pathOf = (id: number) => `/api/v1/orgs/1/${kind}/${id}${kind === 'users' ? '/permissions' : ''}`;
      for (let index = 0; index < EACH; index += 1) {
        const foreign = await looks(pathOf(first + index));
        const absent = await looks(pathOf(900_000 + index));
        times.foreign.push(foreign.ms);
        times.absent.push(absent.ms);
        pairs += 1;
        if (!Bun.deepEquals(foreign.answers, absent.answers, true)) apart += 1;
      }
    }
    printFigures("first answer for another org's id", times.foreign);
    printFigures('first answer for an id that nothing has', times.absent);
    expect({ pairs, apart }).toEqual({ pairs: 172, apart: 0 });
    // Each id was loaded once, whether or not another org has it.
    expect((await loads()) - before).toBe(2 * pairs);
  });
});

describe('a change', () => {
  const change = (path: string, token: string) =>
    one.fetch(path, {
      method: 'PATCH',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      body: '{"name":"Taken over"}',
    });

  test("of one's own with a reading token is forbidden, and changes nothing", async () => {
    const answer = await change('/api/v1/orgs/1/products/1', reader);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([403, 'application/problem+json']);
    expect((await (await get(one, '/api/v1/orgs/1/products/1', reader)).json()).name).not.toBe('Taken over');
  });

  test("of another org's finds nothing, and changes nothing", async () => {
    for (const path of ['/api/v1/orgs/2/products/101', '/api/v1/orgs/1/products/101', '/api/v1/orgs/1/products/999999'])
      await expectNothing(await change(path, writer), path);
    expect((await (await get(one, '/api/v1/orgs/2/products/101', ADMIN)).json()).name).not.toBe('Taken over');
  });
});

test('a revoked token is refused by every instance promptly, whatever is warm', async () => {
  const path = '/api/v1/orgs/1/products/2';
  const { token, record } = await createToken(sql, { orgId: 1, role: 'reader' });
  for (const service of [one, other]) expect((await get(service, path, token)).status).toBe(200);
  const { ms } = await timed(async () => {
    await revokeToken(sql, record.id);
    for (const service of [one, other])
      await until(async () => (await get(service, path, token)).status === 401, { what: 'the token to be refused' });
  });
  printFigures('from the revocation of a token to 401 everywhere', [ms]);
  expect(ms).toBeLessThan(REVOKED_WITHIN_MS);
  const refused = await get(one, path, token, { 'if-none-match': '*' });
  expect([refused.status, refused.headers.get('www-authenticate'), cacheHeadersOf(refused)]).toEqual([
    401,
    'Bearer',
    [],
  ]);
});

test('an instance tells an address to wait that guesses tokens, and answers its probes and good tokens', async () => {
  const guesses: number[] = [];
  await until(
    async () => {
      const guess = `tct_${String(guesses.length).padStart(43, '0')}`;
      guesses.push((await get(brief, '/api/v1/orgs/1/products/1', guess)).status);
      return guesses.includes(429);
    },
    { what: 'an answer that says to wait' },
  );
  expect(guesses.slice(0, 10)).toEqual(Array(10).fill(401));
  expect((await get(brief, '/api/v1/orgs/1/products/1', ADMIN)).status).toBe(200);
  expect((await brief.fetch('/readyz')).status).toBe(200);
});
