import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { bomPath, platePath, productPath } from './support/catalog-requests.ts';
import { type AnswerHolder, startAnswerHolder } from './support/held-answers.ts';
import { startInstance } from './support/instances.ts';
import { cacheHeadersOf, FROM_L1, LOADED, provenanceOf } from './support/provenance.ts';

setDefaultTimeout(30_000);

/** So short that a test sees it end; on the shelf for `staleWhileRevalidate` and `staleIfError` after that. */
const BRIEF_TTL_MS = 300;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let holder: AnswerHolder;
/** Its answers from Postgres can be held; its products and license plates expire quickly. */
let one: ServiceProcess;
/** The same, but nothing holds its Postgres. */
let other: ServiceProcess;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  holder = owned.use(await startAnswerHolder(catalog.env.DATABASE_URL));
  const env = {
    ...catalog.env,
    CACHE_TTL_PRODUCT: String(BRIEF_TTL_MS),
    CACHE_TTL_LP: String(BRIEF_TTL_MS),
    CACHE_TTL_USER_SESSION: String(BRIEF_TTL_MS),
  };
  [one, other] = await Promise.all([
    startInstance(owned, {
      ...env,
      DATABASE_URL: holder.proxy.through(env.DATABASE_URL),
      DATABASE_POOL: '1',
    }),
    startInstance(owned, env),
  ]);
  // The connection is open now and knows the statements: only their execution is left to be held.
  for (const path of [bomPath(500), productPath(1_000), platePath(2_000)]) await one.fetch(path);
}, 60_000);

afterAll(() => owned.disposeAsync());

/** Where an answer came from, by the headers alone. */
const ask = async (service: ServiceProcess, path: string) => provenanceOf(await service.fetch(path));

describe('Cache-Status and X-Cache-Tier say of an answer', () => {
  test('that it joined a load in this process, or in the fleet', async () => {
    const path = bomPath(1);
    const held = holder.hold();
    const loading = ask(one, path);
    let asked: Promise<unknown[]> | undefined;
    try {
      await held.contain('Assembly 1');
      asked = Promise.all([loading, ask(one, path), ask(other, path)]);
      // Answered in the order of arrival: whoever answers this has taken what was sent before.
      for (const service of [one, other, one, other]) await service.fetch('/livez');
    } finally {
      held.release();
    }
    expect(await asked).toEqual([
      LOADED,
      { status: 200, tier: 'source', cacheStatus: 'tiercel-l1; fwd=uri-miss; collapsed' },
      {
        status: 200,
        tier: 'l2',
        cacheStatus: 'tiercel-l2; fwd=uri-miss; collapsed, tiercel-l1; fwd=uri-miss; stored',
      },
    ]);
  });

  test('that it is stale while another request revalidates it, in L1 and in L2', async () => {
    const path = productPath(11);
    await ask(one, path);
    const held = holder.hold();
    try {
      await until(async () => (await ask(one, path)).cacheStatus === 'tiercel-l1; hit; ttl=-N', {
        what: 'a stale answer from L1',
      });
      // Its refresh is on its way and held, so the other finds the old value in L2, and stale as well.
      expect(await ask(other, path)).toEqual({
        status: 200,
        tier: 'l2',
        cacheStatus: 'tiercel-l2; hit; ttl=-N, tiercel-l1; fwd=uri-miss; stored',
      });
    } finally {
      held.release();
    }
    await until(async () => /^tiercel-l1; hit; ttl=N$/.test((await ask(one, path)).cacheStatus ?? ''), {
      what: 'the refreshed value',
    });
  });

  test('that it replaced what had expired in place', async () => {
    const path = platePath(11);
    await ask(one, path);
    const replaced = await until(
      async () => {
        const answer = await ask(one, path);
        return answer.tier === 'source' && answer;
      },
      { what: 'the value to expire' },
    );
    expect(replaced.cacheStatus).toBe('tiercel-l2; fwd=stale; stored, tiercel-l1; fwd=stale; stored');
  });

  test('that it is stale because the source failed, and 503 where nothing stale may be answered', async () => {
    const plate = platePath(12);
    const permissions = '/api/v1/orgs/1/users/1/permissions';
    for (const path of [plate, permissions]) expect((await ask(one, path)).status).toBe(200);
    const { proxy } = holder;
    proxy.refuse();
    proxy.resetConnections();
    try {
      const stale = await until(
        async () => {
          const answer = await ask(one, plate);
          return answer.cacheStatus?.includes('source-error') && answer;
        },
        { what: 'a stale answer' },
      );
      expect(stale).toEqual({
        status: 200,
        tier: 'l2',
        cacheStatus: 'tiercel-l2; fwd=stale; ttl=-N; detail=source-error, tiercel-l1; fwd=stale; stored',
      });
      // From now on it is in L1, which for a while does not even ask.
      expect(await ask(one, plate)).toEqual({
        status: 200,
        tier: 'l1',
        cacheStatus: 'tiercel-l1; fwd=stale; ttl=-N; detail=source-error',
      });
      const refused = await until(
        async () => {
          const answer = await one.fetch(permissions);
          return answer.status !== 200 && answer;
        },
        { what: 'the permissions to expire' },
      );
      expect([refused.status, refused.headers.get('content-type'), cacheHeadersOf(refused)]).toEqual([
        503,
        'application/problem+json',
        [],
      ]);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      await proxy.accept();
    }
    await until(async () => (await ask(one, plate)).tier === 'source', { what: 'the source to be used again' });
  });

  test('that there is no such thing, and from where that is known', async () => {
    const path = productPath(99_999).replace('/orgs/1000/', '/orgs/1/');
    expect(await ask(one, path)).toEqual({ ...LOADED, status: 404 });
    expect(await ask(one, path)).toEqual({ ...FROM_L1, status: 404 });
  });
});
