import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { SCRIPTS } from '../../src/adapters/redis/protocol/scripts.ts';
import { until } from '../../src/testing/until.ts';
import { platePath } from '../integration/support/catalog-requests.ts';
import { type FragileFleet, startFragileFleet } from '../integration/support/fragile-fleet.ts';
import { countEvents } from '../integration/support/instances.ts';
import { median, printFigures, timed } from '../integration/support/measure.ts';
import { LOADED, provenanceOf } from '../integration/support/provenance.ts';
import type { ServiceProcess } from '../support/service-process.ts';

setDefaultTimeout(60_000);

/** What a noisy machine may add to a median. */
const SLACK_MS = 25;
/** No answer is to take longer, whatever Redis does. */
const LONGEST_MS = 500;
const RECOVERY_MS = 2_000;

const owned = new AsyncDisposableStack();
let fleet: FragileFleet;

beforeAll(async () => {
  fleet = await startFragileFleet(owned);
});

afterAll(() => owned.disposeAsync());

const range = (first: number, length: number) => Array.from({ length }, (_, index) => first + index);

/** Of a license plate: those are not warmed when Redis is back, so that it can be seen who has read what. */
interface TimedRead {
  readonly id: number;
  readonly ms: number;
  readonly status: number;
  readonly tier: string | null;
  readonly cacheStatus: string | null;
}

async function read(service: ServiceProcess, id: number): Promise<TimedRead> {
  const { value, ms } = await timed(async () => {
    const answer = await service.fetch(platePath(id));
    await answer.arrayBuffer();
    return answer;
  });
  return { id, ms, ...provenanceOf(value) };
}

async function readAll(service: ServiceProcess, ids: readonly number[]): Promise<TimedRead[]> {
  const reads: TimedRead[] = [];
  for (const id of ids) reads.push(await read(service, id));
  return reads;
}

const speed = (reads: readonly TimedRead[]) => reads.map(({ ms }) => ms);

function expectAllAnswered(reads: readonly TimedRead[]): void {
  expect(reads.filter(({ status }) => status !== 200)).toEqual([]);
  expect(Math.max(...speed(reads))).toBeLessThan(LONGEST_MS);
}

/** Fills of these license plates that were sent to Redis since the wire was last told to forget. */
function fillsSent(ids: readonly number[]): number {
  const endings = new Set(ids.map((id) => `:lp:${Math.ceil(id / 200)}:${id}`));
  const names = (words: readonly string[]) => words.some((word) => endings.has(word.slice(word.indexOf(':lp:'))));
  const { wire } = fleet;
  return (
    wire.count('EVALSHA', ({ words }) => words[1] === SCRIPTS.fill.sha && names(words)) +
    wire.count('EVAL', ({ words }) => words[1] === SCRIPTS.fill.lua && names(words)) +
    wire.count('SET', ({ words }) => !words.includes('NX') && names(words))
  );
}

/** Milliseconds until an instance answers from L2 again; each try is for a license plate that only the other instance has read. */
async function untilFromL2(service: ServiceProcess, ids: number[]): Promise<number> {
  const began = performance.now();
  await until(
    async () => {
      const id = ids.shift();
      if (id === undefined) throw new Error('there are no license plates left to try');
      return (await read(service, id)).tier === 'l2';
    },
    { what: 'an answer from L2', within: 5_000, every: 50 },
  );
  return performance.now() - began;
}

/** Waits until a load fills both tiers again; each try is for a license plate that nobody has read, from `first` on. */
async function untilFilled(service: ServiceProcess, first: number): Promise<void> {
  let id = first;
  await until(async () => (await read(service, id++)).cacheStatus === LOADED.cacheStatus, {
    what: 'a load that fills both tiers',
    every: 20,
  });
}

describe('Redis that is stopped and goes on (SIGSTOP, SIGCONT)', () => {
  let sourceMs: number;
  let timedOut: readonly number[];

  beforeAll(async () => {
    const { one, other, wire } = fleet;
    wire.forget();
    const cold = await readAll(one, range(301, 50));
    expect(cold.map(({ cacheStatus }) => cacheStatus)).toEqual(cold.map(() => LOADED.cacheStatus));
    sourceMs = median(speed(cold));
    printFigures('cold read, Redis well', speed(cold));
    // The count below would be 0 as well if it counted nothing.
    expect(fillsSent(range(301, 50))).toBe(50);
    await readAll(other, range(101, 200));
    wire.forget();
    fleet.redis.pause();
  });

  test('requests that meet the silence are answered from the source', async () => {
    const ids = range(1, 20);
    const reads = await Promise.all(ids.map((id) => read(fleet.one, id)));
    expectAllAnswered(reads);
    timedOut = reads.filter(({ cacheStatus }) => cacheStatus?.includes('detail=timeout')).map(({ id }) => id);
    expect(timedOut.length).toBeGreaterThan(0);
  });

  test('then the breaker is open, and no request waits for Redis', async () => {
    const { one, other } = fleet;
    for (const service of [one, other]) await service.logged('redis_fallback_mode_enabled');
    for (const service of [one, other]) {
      const reads = await readAll(service, range(21, 60));
      expectAllAnswered(reads);
      expect(new Set(reads.map(({ cacheStatus }) => cacheStatus?.split(', ')[0]))).toEqual(
        new Set(['tiercel-l2; fwd=bypass; detail=breaker-open']),
      );
      printFigures('cold read, breaker open', speed(reads));
      expect(median(speed(reads))).toBeLessThan(sourceMs + SLACK_MS);
    }
  });

  test('what is in L1 is answered as long as it is proven, then from the source', async () => {
    const [known = 0] = range(301, 1);
    await until(async () => (await read(fleet.one, known)).cacheStatus?.includes('detail=unproven'), {
      what: 'L1 to be suspended',
    });
    const reads = await readAll(fleet.one, range(301, 30));
    expectAllAnswered(reads);
    expect(median(speed(reads))).toBeLessThan(sourceMs + SLACK_MS);
  });

  test(`it is back in use within ${RECOVERY_MS} ms, without a restart`, async () => {
    fleet.redis.resume();
    const delays = await Promise.all([
      untilFromL2(fleet.one, range(101, 200)),
      untilFromL2(fleet.other, range(301, 50)),
    ]);
    printFigures('from SIGCONT to an answer from L2', delays);
    expect(Math.max(...delays)).toBeLessThan(RECOVERY_MS);
  });

  test('no lookup whose question timed out has sent a fill', async () => {
    expect(fillsSent(timedOut)).toBe(0);
    // And no lease that Redis granted too late holds the next one up.
    const reads = await readAll(fleet.other, timedOut);
    expect(new Set(reads.map(({ cacheStatus }) => cacheStatus))).toEqual(new Set([LOADED.cacheStatus]));
  });

  test('the outage is one event, and its end is one', () => {
    for (const service of [fleet.one, fleet.other]) {
      expect(countEvents(service, 'redis_fallback_mode_enabled')).toBe(1);
      expect(countEvents(service, 'redis_cache_restored')).toBe(1);
    }
  });
});

describe('Redis that is silent until its connections are given up', () => {
  test('no request fails meanwhile, and it is back in use soon after', async () => {
    const { one, other, proxy, redis } = fleet;
    await readAll(other, range(601, 100));
    const accepted = proxy.accepted;
    redis.pause();
    const reads: TimedRead[] = [];
    await until(
      async () => {
        reads.push(...(await readAll(one, [...range(701, 5), ...range(301, 5)])));
        return proxy.accepted > accepted + 1;
      },
      { what: 'new connections to be tried', within: 15_000, every: 50 },
    );
    redis.resume();
    expectAllAnswered(reads);
    printFigures('from SIGCONT to an answer from L2 over a new connection', [await untilFromL2(one, range(601, 100))]);
    for (const service of [one, other])
      await until(() => countEvents(service, 'redis_cache_restored') === 2, { what: 'the end of the fallback mode' });
    for (const service of [one, other]) expect(countEvents(service, 'redis_fallback_mode_enabled')).toBe(2);
  });
});

describe('Redis that is killed and comes back empty (SIGKILL)', () => {
  test('no request fails', async () => {
    const { one, other, redis } = fleet;
    await readAll(one, range(401, 20));
    await redis.kill();
    const reads = [...(await readAll(one, range(501, 50))), ...(await readAll(other, range(401, 20)))];
    expectAllAnswered(reads);
    printFigures('cold read, Redis killed', speed(reads));
    for (const service of [one, other]) {
      await until(() => countEvents(service, 'redis_fallback_mode_enabled') === 3, { what: 'the fallback mode' });
      expectAllAnswered(await readAll(service, range(551, 30)));
    }
  });

  test(`it is back in use within ${RECOVERY_MS} ms, with nothing from before`, async () => {
    const { one, other, redis } = fleet;
    await redis.restart();
    const { ms } = await timed(() =>
      Promise.all(
        [one, other].map((service) =>
          until(() => countEvents(service, 'redis_cache_restored') === 3, {
            what: 'Redis to be used again',
            within: 10_000,
          }),
        ),
      ),
    );
    printFigures('from the restart to the end of the fallback mode', [ms]);
    expect(ms).toBeLessThan(RECOVERY_MS);
    for (const [index, service] of [one, other].entries()) await untilFilled(service, 801 + 100 * index);
    const answers = [await read(one, 401), await read(other, 401), await read(other, 401)];
    expect(answers.map(({ tier }) => tier)).toEqual(['source', 'l2', 'l1']);
    for (const service of [one, other]) expect(countEvents(service, 'redis_fallback_mode_enabled')).toBe(3);
  });
});
