import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../support/wait.ts';
import { productPath } from './support/catalog-requests.ts';
import { type FragileFleet, startFragileFleet } from './support/fragile-fleet.ts';
import { median, printFigures, timed } from './support/measure.ts';
import { LOADED } from './support/provenance.ts';

setDefaultTimeout(60_000);

/** `REDIS_TIMEOUT_MS` by default. */
const BUDGET_MS = 50;
/** What a noisy machine may add to a median; a second wait for Redis would be more. */
const SLACK_MS = 25;
const SILENCES = 7;
/** So few that the breaker does not open. */
const READERS = 4;

const owned = new AsyncDisposableStack();
let fleet: FragileFleet;

beforeAll(async () => {
  fleet = await startFragileFleet(owned);
});

afterAll(() => owned.disposeAsync());

let cold = 1;

/** Reads as many products at once that nobody has read before; milliseconds and provenance of each. */
function readCold(): Promise<{ readonly ms: number; readonly cacheStatus: string }[]> {
  const reads = Array.from({ length: READERS }, () =>
    timed(async () => {
      const answer = await fleet.one.fetch(productPath(cold++));
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
      return answer.headers.get('cache-status') ?? '';
    }),
  );
  return Promise.all(reads.map(async (read) => ({ ms: (await read).ms, cacheStatus: (await read).value })));
}

const isFilled = (reads: Awaited<ReturnType<typeof readCold>>) =>
  reads.every(({ cacheStatus }) => cacheStatus === LOADED.cacheStatus);

test('a request that meets a silent Redis is answered from the source once the budget is over, and waits no second time', async () => {
  const well: number[] = [];
  const silent: number[] = [];
  for (let round = 0; round < SILENCES; round++) {
    const before = await until(
      async () => {
        const reads = await readCold();
        return isFilled(reads) && reads;
      },
      { what: 'loads that fill both tiers', every: 50 },
    );
    well.push(...before.map(({ ms }) => ms));
    fleet.redis.pause();
    const reads = await readCold();
    fleet.redis.resume();
    for (const { cacheStatus } of reads) expect(cacheStatus).toStartWith('tiercel-l2; fwd=bypass; detail=timeout, ');
    silent.push(...reads.map(({ ms }) => ms));
  }
  printFigures('cold read, Redis well', well);
  printFigures('cold read, Redis silent', silent);
  expect(median(silent)).toBeGreaterThanOrEqual(BUDGET_MS);
  expect(median(silent)).toBeLessThan(BUDGET_MS + median(well) + SLACK_MS);
});
