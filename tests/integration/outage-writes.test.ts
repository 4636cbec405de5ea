import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/wait.ts';
import { readProduct, renameProduct } from './support/catalog-requests.ts';
import { type FragileFleet, startFragileFleet } from './support/fragile-fleet.ts';
import { median, printFigures, timed } from './support/measure.ts';

setDefaultTimeout(60_000);

const PENDING = 'tiercel-l2; fwd=method; detail=invalidation-pending';
/** The budget of one operation on Redis, the change in Postgres, and what a noisy machine adds to a median. */
const ACKNOWLEDGED_WITHIN_MS = 50 + 25 + 25;
/** Longest time from Redis' return to a fleet that agrees with the database. */
const AGREED_WITHIN_MS = 5_000;

const owned = new AsyncDisposableStack();
let fleet: FragileFleet;

beforeAll(async () => {
  fleet = await startFragileFleet(owned);
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

/** Both instances have the new name of each product soon, and never again another one. */
async function expectAgreement(ids: readonly number[], name: string): Promise<void> {
  const { ms } = await timed(() =>
    until(
      async () => {
        const names = await Promise.all(ids.map(async (id) => (await readProduct(fleet.other, id)).name));
        return names.every((one) => one === name);
      },
      { what: `${name} on the other instance`, within: AGREED_WITHIN_MS },
    ),
  );
  printFigures('from SIGCONT to the new value on the other instance', [ms]);
  for (let round = 0; round < 20; round++) {
    for (const service of [fleet.one, fleet.other])
      for (const id of ids) expect((await readProduct(service, id)).name).toBe(name);
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
