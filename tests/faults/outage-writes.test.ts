import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { readProduct, renameProduct } from '../integration/support/catalog-requests.ts';
import { type FragileFleet, startFragileFleet } from '../integration/support/fragile-fleet.ts';
import { median, printFigures, timed } from '../integration/support/measure.ts';
import type { ServiceProcess } from '../support/service-process.ts';

setDefaultTimeout(60_000);

const VIEWER = 'viewer-token-of-the-tests-0123456789';
const PENDING = 'tiercel-l2; fwd=method; detail=invalidation-pending';
/** The budget of one operation on Redis, the change in Postgres, and what a noisy machine adds to a median. */
const ACKNOWLEDGED_WITHIN_MS = 50 + 25 + 25;
/** Longest time from Redis' return to a fleet that agrees with the database. */
const AGREED_WITHIN_MS = 5_000;

const owned = new AsyncDisposableStack();
let fleet: FragileFleet;

beforeAll(async () => {
  fleet = await startFragileFleet(owned, { VIEWER_TOKEN: VIEWER });
});

afterAll(() => owned.disposeAsync());

/** Reads products by both instances, until each has them in L1 and Redis has them too. */
async function warm(ids: readonly number[]): Promise<void> {
  for (const service of [fleet.one, fleet.other]) for (const id of ids) await readProduct(service, id);
}

/** Changes products by one instance while Redis is away; each change must be acknowledged as pending, and in time. */
async function renameAll(ids: readonly number[], name: string): Promise<void> {
  const durations: number[] = [];
  for (const id of ids) {
    const { value: answer, ms } = await timed(() => renameProduct(fleet.one, id, name));
    expect([answer.status, answer.headers.get('cache-status')]).toEqual([200, PENDING]);
    expect(await answer.json()).toMatchObject({ id, name });
    // Whoever wrote reads what was written, Redis or not.
    expect((await readProduct(fleet.one, id)).name).toBe(name);
    durations.push(ms);
  }
  printFigures('a PATCH without Redis', durations);
  expect(median(durations)).toBeLessThan(ACKNOWLEDGED_WITHIN_MS);
}

/** Whether the instance that writes owes Redis nothing any more. */
async function isDelivered(): Promise<boolean> {
  const answer = await fleet.one.fetch('/api/v1/cache/health', { headers: { authorization: `Bearer ${VIEWER}` } });
  const { tiers } = (await answer.json()) as { tiers: { l2: { pending: Readonly<Record<string, unknown>> } } };
  return Object.values(tiers.l2.pending).every((owed) => owed === 0 || owed === false);
}

async function namesAt(service: ServiceProcess, ids: readonly number[]): Promise<Set<string>> {
  return new Set(await Promise.all(ids.map(async (id) => (await readProduct(service, id)).name)));
}

/**
 * The instance that wrote never answers anything but what was written. The other one follows once Redis has been told,
 * and does not go back.
 */
async function expectAgreement(ids: readonly number[], name: string): Promise<void> {
  const agreed = new Set([name]);
  const readByWriter = new Set<string>();
  const { ms } = await timed(async () => {
    await until(
      async () => {
        for (const read of await namesAt(fleet.one, ids)) readByWriter.add(read);
        return isDelivered();
      },
      { what: 'the invalidations to be delivered', within: AGREED_WITHIN_MS },
    );
    await until(async () => Bun.deepEquals(await namesAt(fleet.other, ids), agreed), {
      what: `${name} on the other instance`,
      within: AGREED_WITHIN_MS,
    });
  });
  expect(readByWriter).toEqual(agreed);
  printFigures('from the return of Redis to the new value on the other instance', [ms]);
  for (let round = 0; round < 20; round++) {
    for (const service of [fleet.one, fleet.other]) expect(await namesAt(service, ids)).toEqual(agreed);
  }
}

test('a PATCH while Redis is silent stands, says that its invalidation is pending, and is delivered afterwards', async () => {
  const ids = [1, 2, 3, 4, 5];
  await warm(ids);
  fleet.redis.pause();
  await renameAll(ids, 'During a short silence');
  fleet.redis.resume();
  await expectAgreement(ids, 'During a short silence');
});

test('a PATCH with the breaker open does not wait for Redis, and is delivered afterwards', async () => {
  const ids = [11, 12, 13, 14, 15];
  await warm(ids);
  fleet.redis.pause();
  const isOpen = async () => {
    const answer = await fleet.one.fetch('/api/v1/orgs/1/products/99');
    return answer.headers.get('cache-status')?.includes('breaker-open');
  };
  await until(isOpen, { what: 'the breaker to be open' });
  await renameAll(ids, 'During an outage');
  fleet.redis.resume();
  await expectAgreement(ids, 'During an outage');
});

test('a PATCH over a cut connection is delivered over the next one', async () => {
  const ids = [21, 22, 23, 24, 25];
  await warm(ids);
  const { proxy } = fleet;
  proxy.refuse();
  proxy.resetConnections();
  await until(() => proxy.connections.length === 0, { what: 'the connections to be gone' });
  await renameAll(ids, 'While cut off');
  await proxy.accept();
  await expectAgreement(ids, 'While cut off');
});

test('once delivered, nothing is pending any more', async () => {
  await until(async () => (await renameProduct(fleet.one, 31, 'Told at once')).headers.get('cache-status') === null, {
    what: 'a PATCH that Redis was told of',
  });
});
