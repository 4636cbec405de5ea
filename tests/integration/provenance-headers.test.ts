import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { bomPath, productPath, renameProduct } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { cacheHeadersOf, FROM_L1, provenanceOf } from './support/provenance.ts';

setDefaultTimeout(30_000);

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let one: ServiceProcess;
let other: ServiceProcess;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  [one, other] = await Promise.all([startInstance(owned, catalog.env), startInstance(owned, catalog.env)]);
}, 60_000);

afterAll(() => owned.disposeAsync());

const conditional = (path: string, condition: string) => one.fetch(path, { headers: { 'if-none-match': condition } });

describe('an entity tag', () => {
  test('is strong, of the bytes, and the same from every tier of every instance', async () => {
    const path = productPath(1);
    const answers = [await one.fetch(path), await one.fetch(path), await other.fetch(path)];
    const etags = new Set(answers.map(({ headers }) => headers.get('etag')));
    expect(etags.size).toBe(1);
    expect([...etags][0]).toMatch(/^"[\x21\x23-\x7e]+"$/);
    expect((await one.fetch(productPath(2))).headers.get('etag')).not.toBe([...etags][0] ?? '');
  });

  test('that the client has, weak or strong, alone or in a list, or any at all, is 304 with the same headers', async () => {
    const path = productPath(3);
    const full = await one.fetch(path);
    const etag = full.headers.get('etag') ?? '';
    for (const condition of [etag, `W/${etag}`, `"a", W/"b", ${etag}`, `"a,b",${etag}`, '*']) {
      const answer = await conditional(path, condition);
      expect(provenanceOf(answer)).toEqual({ ...FROM_L1, status: 304 });
      expect([answer.headers.get('etag'), answer.headers.get('cache-control'), await answer.text()]).toEqual([
        etag,
        'private, no-cache',
        '',
      ]);
    }
    const head = await one.fetch(path, { method: 'HEAD', headers: { 'if-none-match': etag } });
    expect([head.status, head.headers.get('etag')]).toEqual([304, etag]);
  });

  test('that is another, or is none, is 200', async () => {
    const path = productPath(3);
    const etag = (await one.fetch(path)).headers.get('etag') ?? '';
    for (const condition of ['"other"', etag.slice(1, -1), `"${etag}"`, etag.slice(0, -1), '', '**', 'W/*']) {
      const answer = await conditional(path, condition);
      expect([condition, answer.status]).toEqual([condition, 200]);
      expect(await answer.json()).toMatchObject({ id: 3 });
    }
  });

  test('changes with the value, on every instance', async () => {
    const path = productPath(4);
    const before = (await one.fetch(path)).headers.get('etag') ?? '';
    await renameProduct(other, 4, 'Another name');
    const after = await until(
      async () => {
        const answer = await conditional(path, before);
        return answer.status === 200 && answer;
      },
      { what: 'the new value' },
    );
    expect(after.headers.get('etag')).not.toBe(before);
    expect(await after.json()).toMatchObject({ name: 'Another name' });
  });
});

describe('the headers of an answer', () => {
  test('by HEAD are those of GET, without a body, from the source and from L1', async () => {
    const path = bomPath(1);
    const head = await one.fetch(path, { method: 'HEAD' });
    const get = await one.fetch(path);
    const warm = await one.fetch(path, { method: 'HEAD' });
    const length = String((await get.arrayBuffer()).byteLength);
    for (const name of ['etag', 'content-type', 'cache-control'])
      expect([head.headers.get(name), warm.headers.get(name)]).toEqual([get.headers.get(name), get.headers.get(name)]);
    expect([head.headers.get('content-length'), warm.headers.get('content-length')]).toEqual([length, length]);
    expect([head.headers.get('x-cache-tier'), provenanceOf(warm)]).toEqual(['source', FROM_L1]);
    expect([await head.text(), await warm.text()]).toEqual(['', '']);
  });

  test('tell the age of the value in whole seconds, counted from its load in whichever instance', async () => {
    const path = productPath(5);
    const fresh = await one.fetch(path);
    expect(fresh.headers.get('age')).toBe('0');
    const aged = await until(
      async () => {
        const answer = await one.fetch(path);
        return answer.headers.get('age') !== '0' && answer;
      },
      { what: 'the value to be a second old' },
    );
    expect([aged.headers.get('age'), provenanceOf(aged)]).toEqual([expect.stringMatching(/^[1-9]\d*$/), FROM_L1]);
    expect((await other.fetch(path)).headers.get('age')).toMatch(/^[1-9]\d*$/);
  });

  test('tell the time in each tier that was asked, and in no other', async () => {
    const path = productPath(6);
    const tiersOf = async (service: ServiceProcess) => {
      const field = (await service.fetch(path)).headers.get('server-timing') ?? '';
      expect(field).toMatch(/^\w+;dur=[\d.]+(?:, \w+;dur=[\d.]+)*$/);
      return [...field.matchAll(/(\w+);/g)].map(([, tier]) => tier);
    };
    expect(await tiersOf(one)).toEqual(['l1', 'l2', 'source']);
    expect(await tiersOf(one)).toEqual(['l1']);
    expect(await tiersOf(other)).toEqual(['l1', 'l2']);
  });
});

describe('a service without', () => {
  test('a Redis names no L2', async () => {
    await using owner = new AsyncDisposableStack();
    const { REDIS_URL: _, ...env } = catalog.env;
    const alone = await startInstance(owner, env);
    const path = productPath(7);
    expect(provenanceOf(await alone.fetch(path))).toEqual({
      status: 200,
      tier: 'source',
      cacheStatus: 'tiercel-l1; fwd=uri-miss; stored',
    });
    const hit = await alone.fetch(path);
    expect([provenanceOf(hit), hit.headers.get('server-timing')]).toEqual([
      FROM_L1,
      expect.stringMatching(/^l1;dur=[\d.]+$/),
    ]);
    // Nobody has to be told, so nothing is pending.
    expect((await renameProduct(alone, 7, 'Alone')).headers.get('cache-status')).toBeNull();
    expect(await (await alone.fetch(path)).json()).toMatchObject({ name: 'Alone' });
  });

  test('a cache says nothing of one, and reads the source each time', async () => {
    await using owner = new AsyncDisposableStack();
    const bare = await startInstance(owner, { ...catalog.env, CACHE_DISABLED: 'true' });
    const path = productPath(8);
    for (const name of ['First', 'Second']) {
      expect((await renameProduct(one, 8, name)).status).toBe(200);
      const answer = await bare.fetch(path);
      expect([answer.status, cacheHeadersOf(answer)]).toEqual([200, []]);
      expect(await answer.json()).toMatchObject({ name });
    }
    const absent = await bare.fetch('/api/v1/orgs/1/products/999999');
    expect([absent.status, cacheHeadersOf(absent)]).toEqual([404, []]);
  });
});
