import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { startRedis } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ADMIN_TOKEN = 'admin-token-of-the-tests-0123456789';
const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
const PENDING = 'tiercel-l2; fwd=method; detail=invalidation-pending';

const PRODUCT = '/orgs/1/products/1';
const OTHER = '/orgs/1/products/2';
const BOM = '/orgs/1/boms/1';
const ABSENT = '/orgs/1/products/999999';

const owned = new AsyncDisposableStack();
let surroundings: Surroundings;
let here: TestService;
let there: TestService;

beforeAll(async () => {
  surroundings = owned.use(await makeSurroundings());
  here = owned.use(await startService({ ...surroundings.env, ADMIN_TOKEN }));
  there = owned.use(await startService({ ...surroundings.env, ADMIN_TOKEN }));
});

afterAll(() => owned.disposeAsync());

/** Every test begins with the same entries in L1 of both, and in L2. */
beforeEach(async () => {
  for (const path of [PRODUCT, OTHER, BOM]) for (const service of [here, there]) await warm(service, path);
});

async function warm(service: TestService, path: string): Promise<void> {
  const inL1 = async () => (await tierOf(service, path)) === 'l1';
  await until(inL1, { what: `${path} in L1` });
}

const tierOf = async (service: TestService, path: string) => provenance(await service.api(path)).tier;
const invalidate = (body: object, at = here) => at.send('POST', '/cache/invalidate', body, headers);
const flush = (at = here) => at.api('/cache', { method: 'DELETE', headers });
const inspect = (key: string, at = here) => at.api(`/cache/entries/${encodeURIComponent(key)}`, { headers });
const actions = ({ log }: TestService) => log.filter(({ event }) => event === 'admin_action');

/** The other instance hears of it by the bus, which is not waited for by whoever orders it. */
const untilGone = (path: string) =>
  until(async () => (await tierOf(there, path)) !== 'l1', {
    what: `${path} to leave the other instance`,
    within: 1_500,
  });

describe('an invalidation on one instance is one on all:', () => {
  const orders: [name: string, body: object, answer: object, gone: string[], kept: string[]][] = [
    ['by key', { keys: ['product:1:1'] }, { keys: 1, tags: 0 }, [PRODUCT], [OTHER, BOM]],
    ['by tag', { tags: ['products', 'bom:1:99'] }, { keys: 0, tags: 2 }, [PRODUCT, OTHER], [BOM]],
    ['by pattern', { pattern: 'product:1:?' }, { keys: 2, tags: 0 }, [PRODUCT, OTHER], [BOM]],
    [
      'by all three',
      { keys: ['product:1:2'], tags: ['boms'], pattern: '*:1' },
      { keys: 3, tags: 1 },
      [PRODUCT, OTHER, BOM],
      [],
    ],
  ];
  for (const mode of ['delete', 'expire']) {
    for (const [name, body, invalidated, gone, kept] of orders) {
      test(`${name}, to ${mode}`, async () => {
        const answer = await invalidate({ ...body, mode });
        expect([answer.status, answer.headers.get('cache-status')]).toEqual([200, null]);
        expect(await answer.json()).toEqual({ invalidated, dryRun: false });
        for (const path of gone) await untilGone(path);
        for (const path of kept) {
          expect([path, await tierOf(here, path), await tierOf(there, path)]).toEqual([path, 'l1', 'l1']);
        }
      });
    }
  }

  test('what was changed behind the back of the service is seen by the next read of either', async () => {
    const change = (name: string) =>
      here.context.database.sql`update products set name = ${name} where id = 1`.then(() => {});
    const nameAt = async (service: TestService) => (await (await service.api(PRODUCT)).json()).name;
    const orders: [name: string, order: () => Promise<Response>][] = [
      ['key', () => invalidate({ keys: ['product:1:1'] })],
      ['tag', () => invalidate({ tags: ['org:1'] })],
      ['pattern', () => invalidate({ pattern: 'product:*' })],
      ['expire', () => invalidate({ keys: ['product:1:1'], mode: 'expire' })],
      ['expired tag', () => invalidate({ tags: ['org:1'], mode: 'expire' })],
      ['expired pattern', () => invalidate({ pattern: 'p*1', mode: 'expire' })],
      ['flush', () => flush()],
    ];
    for (const [name, order] of orders) {
      await warm(there, PRODUCT);
      await change(name);
      expect((await order()).ok).toBe(true);
      expect(await nameAt(here)).toBe(name);
      await until(async () => (await nameAt(there)) === name, { what: `the change by ${name}`, within: 1_500 });
    }
  });
});

describe('a dry run', () => {
  const orders: [body: object, invalidated: object][] = [
    [{ keys: ['product:1:1', 'nothing:1'] }, { keys: 2, tags: 0 }],
    [{ tags: ['products'] }, { keys: 0, tags: 1 }],
    [{ pattern: 'product:*' }, { keys: 2, tags: 0 }],
    [{ pattern: '*' }, { keys: 3, tags: 0 }],
    [{ pattern: 'nothing:*' }, { keys: 0, tags: 0 }],
    [
      { keys: ['a'], tags: ['b'], pattern: '*:1', mode: 'expire' },
      { keys: 3, tags: 1 },
    ],
  ];
  for (const [body, invalidated] of orders) {
    test(`of ${JSON.stringify(body)} counts, and touches nothing`, async () => {
      await flush();
      for (const path of [PRODUCT, OTHER, BOM]) await warm(here, path);
      const answer = await invalidate({ ...body, dryRun: true });
      expect([answer.status, await answer.json()]).toEqual([200, { invalidated, dryRun: true }]);
      for (const path of [PRODUCT, OTHER, BOM]) expect(await tierOf(here, path)).toBe('l1');
      for (const path of [PRODUCT, OTHER, BOM]) expect((await there.api(path)).headers.get('x-cache-tier')).toBe('l2');
    });
  }
});

describe('a hostile pattern', () => {
  const patterns: [pattern: string, matched: number][] = [
    ['[^x]', 0],
    ['[a-z]*', 0],
    ['**********a', 0],
    [`${'*a'.repeat(127)}*`, 0],
    ['?'.repeat(256), 0],
    ['\\*', 0],
    ['product:1:1\\', 0],
    ['{*}', 0],
    ['.*', 0],
    ['*', 3],
    ['*'.repeat(256), 3],
  ];
  for (const [pattern, matched] of patterns) {
    test(`${pattern.slice(0, 20)} is what the rules make of it, in a dry run and for good`, async () => {
      await flush();
      for (const path of [PRODUCT, OTHER, BOM]) await warm(here, path);
      for (const dryRun of [true, false]) {
        const answer = await invalidate({ pattern, dryRun });
        expect(await answer.json()).toEqual({ invalidated: { keys: matched, tags: 0 }, dryRun });
      }
      expect(await tierOf(here, BOM)).toBe(matched === 0 ? 'l1' : 'source');
    });
  }

  test('reaches nothing of another namespace', async () => {
    await using neighbours = await makeSurroundings();
    await using neighbour = await startService({ ...neighbours.env, ADMIN_TOKEN });
    await warm(neighbour, PRODUCT);
    await invalidate({ pattern: '*' });
    await flush();
    expect(await tierOf(neighbour, PRODUCT)).toBe('l1');
    expect(await (await inspect('product:1:1', neighbour)).json()).toMatchObject({ l2: { kind: 'value' } });
  });
});

test('a flush removes everything on every instance', async () => {
  const answer = await flush();
  expect([answer.status, await answer.text(), answer.headers.get('cache-status')]).toEqual([204, '', null]);
  for (const path of [PRODUCT, OTHER, BOM]) {
    expect(await tierOf(here, path)).toBe('source');
    await untilGone(path);
  }
});

describe('looking at an entry', () => {
  test('shows both tiers, the value, and the windows', async () => {
    await invalidate({ keys: ['product:1:1'] });
    await warm(here, PRODUCT);
    const value = await (await here.api(PRODUCT)).json();
    const answer = await inspect('product:1:1');
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const copy = {
      state: 'fresh',
      value,
      age: expect.any(Number),
      ttl: expect.any(Number),
      staleWhileRevalidate: 300_000,
      staleIfError: 86_400_000,
      tags: ['org:1', 'products'],
    };
    expect(await answer.json()).toEqual({
      key: 'product:1:1',
      l1: { ...copy, serves: true },
      l2: { ...copy, kind: 'value' },
      lastInvalidation: { ago: expect.any(Number), by: 'key', origin: 'here' },
    });
    expect(await (await inspect('product:1:1', there)).json()).toMatchObject({
      lastInvalidation: { origin: 'elsewhere' },
    });
  });

  test('leaves no trace: nothing is loaded, stored or counted', async () => {
    await flush();
    const before = here.context.cache.stats();
    expect((await inspect('product:1:1')).status).toBe(200);
    expect((await inspect('product:1:3')).status).toBe(404);
    const { hits, misses, loads } = here.context.cache.stats();
    expect({ hits, misses, loads }).toEqual({ hits: before.hits, misses: before.misses, loads: before.loads });
    expect(await tierOf(here, PRODUCT)).toBe('source');
  });

  test('says what an expire has left', async () => {
    await invalidate({ keys: ['product:1:1'], mode: 'expire' });
    expect(await (await inspect('product:1:1')).json()).toMatchObject({
      l1: { state: 'expired', serves: false },
      l2: { kind: 'value', state: 'expired' },
    });
  });

  test('shows an absence that is cached, and a record that an invalidation has made worthless', async () => {
    await here.api(ABSENT);
    expect(await (await inspect('product:1:999999')).json()).toMatchObject({
      l1: { value: null },
      l2: { value: null },
    });
    await flush();
    expect(await (await inspect('product:1:999999')).json()).toEqual({
      key: 'product:1:999999',
      l2: { kind: 'void' },
      lastInvalidation: { ago: expect.any(Number), by: 'all', origin: 'here' },
    });
  });

  test('writes what never ends as null', async () => {
    const { cache } = here.context;
    await cache.getOrSet('for:ever', () => 0, { ttl: Infinity, l1Ttl: Infinity, staleIfError: Infinity });
    expect(await (await inspect('for:ever')).json()).toMatchObject({
      l1: { value: 0, ttl: null, staleIfError: null },
      l2: { value: 0, ttl: null, staleIfError: null },
    });
    await cache.delete('for:ever');
  });

  test('is a 404 that says what ended it when no tier has it', async () => {
    await invalidate({ keys: ['product:1:1'] });
    const answer = await inspect('product:1:1');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect((await answer.json()).detail).toMatch(
      /^No tier .* holds this key; it was invalidated \d+ ms ago \(key, here\)$/,
    );
    expect((await (await inspect('never:seen')).json()).detail).toMatch(/holds this key/);
  });

  test('takes a key of any kind, decoded exactly once', async () => {
    const { cache } = here.context;
    const keys = [
      'a/b',
      'a%2Fb',
      '%25',
      '100%',
      'a b',
      'a+b',
      'a?b#c',
      'ä🦅',
      '__proto__',
      'constructor',
      '{x}:*',
      '..a',
      ':',
    ];
    for (const key of keys) await cache.set(key, `of ${key}`);
    for (const key of keys) {
      const inspection = await (await inspect(key)).json();
      expect([inspection.key, inspection.l1.value, inspection.l2.value]).toEqual([key, `of ${key}`, `of ${key}`]);
    }
    await cache.invalidate({ keys });
  });
});

describe('the log', () => {
  test('has one line of every action, with groups and counts, and never a key', async () => {
    const seen = actions(here).length;
    await invalidate({ keys: ['product:424242', 'bom:424242'], tags: ['org:424242'], pattern: 'lp:424242*' });
    await invalidate({ pattern: 'product:424242', mode: 'expire', dryRun: true });
    await inspect('user:session:424242');
    await flush();
    const who = { event: 'admin_action', level: 'info', who: 'admin' };
    const lines = actions(here).slice(seen);
    expect(lines).toEqual([
      expect.objectContaining({
        ...who,
        action: 'invalidate',
        counts: { keys: 2, tags: 1 },
        groups: ['product', 'bom', 'org', 'lp'],
        mode: 'delete',
        dryRun: false,
        pending: false,
      }),
      expect.objectContaining({ ...who, action: 'invalidate', groups: ['product'], mode: 'expire', dryRun: true }),
      expect.objectContaining({ ...who, action: 'inspect', groups: ['user:session'], found: false }),
      expect.objectContaining({ ...who, action: 'flush', pending: false }),
    ]);
    expect(JSON.stringify(lines)).not.toContain('424242');
  });

  test('names the groups that the resources have, and never what a caller calls one', async () => {
    await invalidate({ keys: ['alice@example.com', 'alice:cart', 'products:org:1:l100:a0'], tags: ['secret'] });
    expect(actions(here).at(-1)).toMatchObject({ groups: ['other', 'products:org'] });
  });
});

test('while Redis is away, an order stands, takes effect here, says that it is pending, and is delivered', async () => {
  await using redis = await startRedis();
  await using alone = await startService({ ...surroundings.env, REDIS_URL: redis.url, ADMIN_TOKEN });
  const { cache } = alone.context;
  await warm(alone, PRODUCT);
  redis.pause();
  const answer = await invalidate({ keys: ['product:1:1'], tags: ['boms'] }, alone);
  expect([answer.status, answer.headers.get('cache-status')]).toEqual([200, PENDING]);
  expect(await answer.json()).toEqual({ invalidated: { keys: 1, tags: 1 }, dryRun: false });
  expect(await tierOf(alone, PRODUCT)).toBe('source');
  const flushed = await flush(alone);
  expect([flushed.status, flushed.headers.get('cache-status')]).toEqual([204, PENDING]);
  expect(actions(alone).slice(-2)).toEqual([
    expect.objectContaining({ action: 'invalidate', pending: true }),
    expect.objectContaining({ action: 'flush', pending: true }),
  ]);

  await until(() => cache.health().l2?.healthy === false, { what: 'the breaker to open' });
  await alone.api(PRODUCT);
  const dry = await invalidate({ pattern: 'product:*', dryRun: true }, alone);
  expect([dry.headers.get('cache-status'), await dry.json()]).toEqual([
    null,
    { invalidated: { keys: 1, tags: 0 }, dryRun: true },
  ]);

  redis.resume();
  await until(() => !cache.health().pending.all && cache.health().pending.keys === 0, { what: 'the delivery' });
  await until(async () => (await flush(alone)).headers.get('cache-status') === null, { what: 'a flush that is told' });
});

test('without Redis there is one tier to work on', async () => {
  const { REDIS_URL: _, ...env } = surroundings.env;
  await using lonely = await startService({ ...env, ADMIN_TOKEN });
  await warm(lonely, PRODUCT);
  const dry = await invalidate({ pattern: '*', dryRun: true }, lonely);
  expect((await dry.json()).invalidated).toEqual({ keys: 1, tags: 0 });
  expect(Object.keys(await (await inspect('product:1:1', lonely)).json())).toEqual(['key', 'l1']);
  expect((await flush(lonely)).status).toBe(204);
  expect(await tierOf(lonely, PRODUCT)).toBe('source');
});
