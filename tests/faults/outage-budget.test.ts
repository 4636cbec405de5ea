import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { productPath } from '../integration/support/catalog-requests.ts';
import { type FragileFleet, startFragileFleet } from '../integration/support/fragile-fleet.ts';
import { median, printFigures, timed } from '../integration/support/measure.ts';
import { LOADED } from '../integration/support/provenance.ts';

setDefaultTimeout(60_000);

/** `REDIS_TIMEOUT_MS` by default. */
const BUDGET_MS = 50;
/** What the source and a noisy machine may add to a median; a second wait for Redis would be more. */
const SLACK_MS = 35;
const SILENCES = 7;
/** So few that the breaker does not open. */
const READERS = 4;
/** Each org has a hundred products. */
const FIRST_OF_ORG_2 = 101;

const owned = new AsyncDisposableStack();
let fleet: FragileFleet;

beforeAll(async () => {
  fleet = await startFragileFleet(owned);
});

afterAll(() => owned.disposeAsync());

/** Reads products from this one on, all at once; milliseconds and provenance of each. */
function readFrom(id: number): Promise<{ readonly ms: number; readonly cacheStatus: string }[]> {
  const reads = Array.from({ length: READERS }, (_, index) =>
    timed(async () => {
      const answer = await fleet.one.fetch(productPath(id + index));
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
      return answer.headers.get('cache-status') ?? '';
    }),
  );
  return Promise.all(reads.map(async (read) => ({ ms: (await read).ms, cacheStatus: (await read).value })));
}

const isFilled = (reads: Awaited<ReturnType<typeof readFrom>>) =>
  reads.every(({ cacheStatus }) => cacheStatus === LOADED.cacheStatus);

test('a request that meets a silent Redis is answered from the source once the budget is over, and waits no second time', async () => {
  let cold = 1;
  const silent: number[] = [];
  for (let round = 0; round < SILENCES; round++) {
    await until(
      async () => {
        const reads = await readFrom(cold);
        cold += READERS;
        return isFilled(reads);
      },
      { what: 'loads that fill both tiers', every: 50 },
    );
    fleet.redis.pause();
    // Of an org that nobody has asked for: not even what its tag is about is known without Redis.
    const reads = await readFrom(FIRST_OF_ORG_2 + 100 * round);
    fleet.redis.resume();
    for (const { cacheStatus } of reads) expect(cacheStatus).toStartWith('tiercel-l2; fwd=bypass; detail=timeout, ');
    silent.push(...reads.map(({ ms }) => ms));
  }
  printFigures('cold read, Redis silent', silent);
  expect(median(silent)).toBeGreaterThanOrEqual(BUDGET_MS);
  expect(median(silent)).toBeLessThan(BUDGET_MS + SLACK_MS);
});
