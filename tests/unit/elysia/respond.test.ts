import { describe, expect, test } from 'bun:test';
import { Elysia } from 'elysia';
import { tiercel } from '../../../src/adapters/elysia/plugin.ts';
import { respond } from '../../../src/adapters/elysia/respond.ts';
import { lru } from '../../../src/adapters/lru/index.ts';
import { createCache } from '../../../src/core/create-cache.ts';
import { lookup, step } from './lookups.ts';

const plain = new Request('http://localhost/');
const conditional = (field: string) => new Request('http://localhost/', { headers: { 'if-none-match': field } });

describe('an answer', () => {
  test('carries the value, its tag and where it came from', async () => {
    const answer = respond(lookup({ value: { id: 1, name: 'Schraube ⌀8' } }), plain);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ id: 1, name: 'Schraube ⌀8' });
    expect(Object.fromEntries(answer.headers)).toEqual({
      'content-type': 'application/json',
      etag: expect.stringMatching(/^".+"$/),
      'cache-control': 'private, no-cache',
      'cache-status': 'tiercel-l1; hit; ttl=42',
      'x-cache-tier': 'l1',
      'server-timing': 'l1;dur=0',
      age: '17',
    });
  });

  test('is 304 without a body when the client has these bytes', async () => {
    const found = lookup({ value: { id: 1 } });
    const etag = respond(found, plain).headers.get('etag') ?? '';
    const answer = respond(found, conditional(`"other", W/${etag}`));
    expect(answer.status).toBe(304);
    expect(await answer.text()).toBe('');
    expect(answer.headers.get('content-type')).toBeNull();
    for (const name of ['etag', 'cache-control', 'cache-status', 'x-cache-tier', 'server-timing', 'age']) {
      expect(answer.headers.get(name)).not.toBeNull();
    }
  });

  test('keeps tier and age of each lookup of one value apart', () => {
    const value = Object.freeze({ id: 1 });
    const first = respond(
      lookup({
        value,
        tier: 'source',
        age: 0,
        steps: { l1: step({ stored: true }), source: { outcome: 'loaded', durationMs: 2 } },
      }),
      plain,
    );
    const second = respond(lookup({ value, age: 3_000 }), plain);
    expect([first.headers.get('x-cache-tier'), first.headers.get('age')]).toEqual(['source', '0']);
    expect([second.headers.get('x-cache-tier'), second.headers.get('age')]).toEqual(['l1', '3']);
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
  });

  test('encodes a value once, however often it is handed out', () => {
    let encoded = 0;
    const value = { toJSON: () => ++encoded };
    for (let request = 0; request < 3; request++) respond(lookup({ value }), plain);
    expect(encoded).toBe(1);
  });

  test('carries headers that the value decides', () => {
    const options = { headers: (value: { next: number }) => ({ link: `</?after=${value.next}>; rel="next"` }) };
    expect(respond(lookup({ value: { next: 7 } }), plain, options).headers.get('link')).toBe('</?after=7>; rel="next"');
  });

  for (const value of [0, false, '', []]) {
    test(`of ${JSON.stringify(value)} is that value, not an absence`, async () => {
      const answer = respond(lookup<unknown>({ value }), plain);
      expect([answer.status, await answer.json()]).toEqual([200, value]);
    });
  }

  test('of null is 404 with provenance and without a tag', async () => {
    const answer = respond(lookup({ value: null }), conditional('*'));
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('x-cache-tier')).toBe('l1');
    expect(answer.headers.get('etag')).toBeNull();
    expect(await answer.json()).toEqual({ type: 'about:blank', title: 'Not Found', status: 404 });
  });
});

test('the plugin gives every route the cache and the helper', async () => {
  await using cache = createCache({ l1: lru() });
  const app = new Elysia()
    .use(tiercel({ cache }))
    .get('/products/:id', ({ cached, params: { id } }) => cached(`product:${id}`, () => (id === '0' ? null : { id })))
    .get('/same', ({ cache: decorated }) => decorated === cache);
  const ask = (path: string) => app.handle(new Request(`http://localhost${path}`));

  const answers = [await ask('/products/7'), await ask('/products/7'), await ask('/products/0')];
  expect(answers.map(({ status, headers }) => [status, headers.get('x-cache-tier')])).toEqual([
    [200, 'source'],
    [200, 'l1'],
    [404, 'source'],
  ]);
  expect(await answers[1]?.json()).toEqual({ id: '7' });
  expect(await (await ask('/same')).text()).toBe('true');
});
