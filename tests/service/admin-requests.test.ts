import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createToken } from '../../src/catalog/tokens.ts';
import { rawRequest } from '../integration/support/raw-http.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { expectProblem } from './expect-problem.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ADMIN = 'admin-token-of-the-tests-0123456789';
const VIEWER = 'viewer-token-of-the-tests-0123456789';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const JSON_TYPE = { 'content-type': 'application/json' };

let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService({ ...surroundings.env, AUTH: 'token', ADMIN_TOKEN: ADMIN, VIEWER_TOKEN: VIEWER });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

type Headers = Readonly<Record<string, string>>;

/** Every route of the admin, asked as it should be. */
const ROUTES: [name: string, ask: (headers: Headers, query?: string, at?: TestService) => Promise<Response>][] = [
  [
    'invalidate',
    (headers, query = '', at = service) =>
      at.send('POST', `/cache/invalidate${query}`, { keys: ['product:1:1'] }, headers),
  ],
  ['flush', (headers, query = '', at = service) => at.api(`/cache${query}`, { method: 'DELETE', headers })],
  ['inspect', (headers, query = '', at = service) => at.api(`/cache/entries/product:1:1${query}`, { headers })],
  [
    'force a breaker',
    (headers, query = '', at = service) =>
      at.send('POST', `/cache/breaker${query}`, { tier: 'source', state: 'auto' }, headers),
  ],
  [
    'warm',
    (headers, query = '', at = service) => at.send('POST', `/cache/warm${query}`, { resources: ['bom'] }, headers),
  ],
  [
    'end a warm-up',
    (headers, query = '', at = service) => at.api(`/cache/warm${query}`, { method: 'DELETE', headers }),
  ],
];

const invalidate = (body: unknown, headers: Headers = bearer(ADMIN)) =>
  service.send('POST', '/cache/invalidate', body, headers);

/** Product 1, as L2 may hold it. */
const KEY = 'product:1:1';
const THERE = { id: 1, orgId: 1, sku: 'A', name: 'There', price: 1, unit: 'each', version: 1 };

/** Whether product 1, which every test may lose, is still where it was. */
async function expectUntouched(act: () => Promise<unknown>): Promise<void> {
  const { cache } = service.context;
  await cache.set(KEY, THERE);
  const actions = service.log.filter(({ event }) => event === 'admin_action').length;
  await act();
  expect(await cache.get<typeof THERE>(KEY)).toEqual(THERE);
  expect(service.log.filter(({ event }) => event === 'admin_action')).toHaveLength(actions);
}

for (const [name, ask] of ROUTES) {
  describe(`to ${name}`, () => {
    const wrong: [name: string, headers: Headers][] = [
      ['no token', {}],
      ['an empty one', { authorization: 'Bearer ' }],
      ['a wrong one', bearer('wrong-token-of-the-tests-0123456789')],
      ['half of the right one', bearer(ADMIN.slice(0, -1))],
      ['the right one and more', bearer(`${ADMIN}0`)],
      ['another scheme', { authorization: `Basic ${btoa(`admin:${ADMIN}`)}` }],
      ['a cookie', { cookie: `token=${ADMIN}` }],
    ];
    for (const [token, headers] of wrong) {
      test(`with ${token} is 401, and nothing happens`, () =>
        expectUntouched(async () => {
          const answer = await ask(headers);
          expect(answer.headers.get('www-authenticate')).toBe('Bearer');
          await expectProblem(answer, 401);
        }));
    }

    test('a token in the query does not count', () =>
      expectUntouched(async () => {
        for (const query of ['token', 'access_token', 'authorization']) {
          await expectProblem(await ask({}, `?${query}=${ADMIN}`), 401);
          await expectProblem(await ask(bearer(VIEWER), `?${query}=${ADMIN}`), 403);
        }
      }));

    test('takes more than to watch, to read or to write', () =>
      expectUntouched(async () => {
        const { sql } = service.context.database;
        const tokens = await Promise.all([
          createToken(sql, { orgId: 1, role: 'reader' }),
          createToken(sql, { orgId: '*', role: 'writer' }),
        ]);
        for (const token of [VIEWER, ...tokens.map(({ token }) => token)]) {
          await expectProblem(await ask(bearer(token)), 403);
        }
      }));

    test('is closed to all while no admin is configured', async () => {
      await using closed = await startService({ ...surroundings.env, VIEWER_TOKEN: VIEWER });
      for (const headers of [{}, bearer(ADMIN), bearer(VIEWER)]) {
        await expectProblem(await ask(headers, '', closed), 403);
      }
    });

    test('takes no query: a word that is not looked at must not seem to count', () =>
      expectUntouched(async () => {
        const { detail } = await expectProblem(await ask(bearer(ADMIN), '?dryRun=true'), 400);
        expect(detail).toContain('dryRun');
      }));

    test('is for the admin', async () => {
      await service.context.cache.set(KEY, THERE);
      expect((await ask(bearer(ADMIN))).ok).toBe(true);
    });
  });
}

describe('a body', () => {
  const bad: [name: string, body: unknown, detail: string][] = [
    ['nothing', {}, 'at least one of keys, tags and pattern'],
    ['a mode alone', { mode: 'delete', dryRun: true }, 'at least one of'],
    ['empty lists', { keys: [], tags: [] }, 'at least one of'],
    ['an unknown field', { keys: ['a'], key: 'b' }, '/key'],
    ['another namespace', { pattern: '*', namespace: 'x' }, '/namespace'],
    ['a key that is no list', { keys: 'a' }, '/keys'],
    ['a key that is no text', { keys: ['a', 1] }, '/keys/1'],
    ['a tag that is no text', { tags: [null] }, '/tags/0'],
    ['patterns', { pattern: ['*'] }, '/pattern'],
    ['an unknown mode', { keys: ['a'], mode: 'Delete' }, '/mode'],
    ['a dry run in words', { keys: ['a'], dryRun: 'false' }, '/dryRun'],
    ['a list', ['a'], 'the body'],
    ['null', null, 'the body'],
    ['too many keys', { keys: Array.from({ length: 1_001 }, String) }, '/keys'],
    ['too many tags', { tags: Array.from({ length: 1_001 }, String) }, '/tags'],
    ['a pattern beyond its limit', { pattern: '*'.repeat(257) }, '/pattern'],
    ['an empty key', { keys: ['a', ''] }, '/keys/1'],
    ['an empty tag', { tags: [''] }, '/tags/0'],
    ['an empty pattern', { pattern: '' }, '/pattern'],
    ['a key beyond its limit', { keys: ['ä'.repeat(513)] }, '/keys/0'],
    ['half a character', { tags: ['a\ud800'] }, '/tags/0'],
    ['a line break in a key', { keys: ['a\r\nevent: forged'] }, '/keys/0'],
    ['a colour in a tag', { tags: ['a\u001b[31m'] }, '/tags/0'],
    ['an eight-bit escape in a pattern', { pattern: 'a\u009b31m' }, '/pattern'],
    ['the id of another namespace', { keys: ['\u0001other\u0001product:1'] }, '/keys/0'],
    ["the root's tag", { tags: ['\u0001\u0001'] }, '/tags/0'],
  ];
  for (const [name, body, detail] of bad) {
    test(`with ${name} is a bad request that says so`, () =>
      expectUntouched(async () => {
        expect((await expectProblem(await invalidate(body), 400)).detail).toContain(detail);
      }));
  }

  test('with a field of every object is a bad request', () =>
    expectUntouched(async () => {
      for (const field of ['__proto__', 'constructor', 'toJSON', 'then']) {
        const body = `{"keys":["product:1"],"${field}":{"dryRun":true}}`;
        const headers = { ...bearer(ADMIN), ...JSON_TYPE };
        await expectProblem(await service.api('/cache/invalidate', { method: 'POST', headers, body }), 400);
      }
    }));

  test('of another type, too large, broken or missing is refused', () =>
    expectUntouched(async () => {
      const post = (body: string, type: string) => {
        const headers = { ...bearer(ADMIN), 'content-type': type };
        return service.api('/cache/invalidate', { method: 'POST', headers, body });
      };
      await expectProblem(await post('{"pattern":"*"}', 'text/plain'), 415);
      await expectProblem(await post('pattern=*', 'application/x-www-form-urlencoded'), 415);
      await expectProblem(await post(`{"pattern":"*"${' '.repeat(2 ** 16)}}`, 'application/json'), 413);
      await expectProblem(await post('{"pattern":', 'application/json'), 400);
      await expectProblem(await post('', 'application/json'), 400);
    }));

  test('at every limit is welcome', async () => {
    const numbered = (index: number) => `n:${index}`;
    const many = Array.from({ length: 1_000 }, (_, index) => numbered(index));
    const answer = await invalidate({ keys: many, tags: many, pattern: `${'n'.repeat(255)}*` });
    expect(await answer.json()).toEqual({ invalidated: { keys: 1_000, tags: 1_000 }, dryRun: false });
    const longest = await invalidate({ keys: ['ä'.repeat(512)], tags: ['🦅'.repeat(256)] });
    expect(await longest.json()).toEqual({ invalidated: { keys: 1, tags: 1 }, dryRun: false });
  });
});

describe('a key in the path', () => {
  const ask = async (text: string) => {
    const path = `/api/v1/cache/entries/${text}`;
    const { status, body } = await rawRequest(service.url, { path, headers: bearer(ADMIN) });
    return { status, detail: JSON.parse(body).detail as unknown };
  };

  const bad: [name: string, text: string, detail: string][] = [
    ['is no percent-encoding', '%zz', 'percent-encoded'],
    ['ends in the middle of one', 'a%', 'percent-encoded'],
    ['is no UTF-8', '%ff', 'percent-encoded'],
    ['is half a surrogate pair', '%ED%A0%80', 'percent-encoded'],
    ['breaks the line', 'a%0d%0aX: 1', 'control character'],
    ['has a colour', 'a%1b[31m', 'control character'],
    ['has a NUL', '%00', 'control character'],
    ['is the id of another namespace', '%01other%01product:1', 'control character'],
    ['is longer than a key may be', 'x'.repeat(1_025), 'longer than 1024 bytes'],
    ['is a dot', '%2e', 'names no key'],
    ['climbs', '%2e%2e', 'names no key'],
  ];
  for (const [name, text, detail] of bad) {
    test(`that ${name} is a bad request`, () =>
      expectUntouched(async () => {
        expect(await ask(text.replaceAll(' ', '%20'))).toEqual({
          status: 400,
          detail: expect.stringContaining(detail),
        });
      }));
  }

  test('that would be decoded twice is another key', async () => {
    await service.context.cache.set('a/b', 1);
    expect((await ask('a%2Fb')).status).toBe(200);
    expect((await ask('a%252Fb')).status).toBe(404);
    expect((await ask('a/b')).status).toBe(404);
  });
});

test('nothing hostile breaks a line of the log, and no secret gets into it', async () => {
  for (const text of ['a\r\nevent: forged', 'a\u001b[2Jforged', 'a\u009b2Jforged', 'a\u007fforged', '\u0000forged']) {
    await invalidate({ keys: [text] });
    await invalidate({ tags: [text], dryRun: true });
    await invalidate({ pattern: text });
    await service.api(`/cache/entries/${encodeURIComponent(text)}`, { headers: bearer(ADMIN) });
  }
  await invalidate({ keys: ['x'] }, bearer(`${ADMIN}forged`));
  await invalidate({ keys: ['product:1'] });
  const text = service.log.map((line) => JSON.stringify(line)).join('\n');
  expect(text).toContain('"groups":["product"]');
  expect(text).not.toMatch(/\\u00[01]|\\[rn]|[\u007f-\u009f]|forged/);
  for (const secret of [ADMIN, VIEWER]) expect(text).not.toContain(secret);
});
