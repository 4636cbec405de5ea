import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { printFigures } from '../integration/support/measure.ts';
import { type FaultReport, reportOf } from './support/fault-report.ts';
import { runFault } from './support/fault-run.ts';
import { REDIS_FAULTS, type RedisFault } from './support/redis-faults.ts';
import { Stages } from './support/stages.ts';

setDefaultTimeout(60_000);

/**
 * Few, because some faults are played at the same time, each with servers of its own; `bun tests/soak/fault-table.ts` plays
 * one after another and prints what callers felt.
 */
const PER_SECOND = 40;
const AT_THE_SAME_TIME = 5;
const MS = 1_500;
/** Longer than D, so that L1 is suspended where the bus is away. */
const DEAF_MS = 2_500;
const HUNG_MS = 5_000;
/** The budget of L2, the loader, and what is left for us. */
const P99_MS = 75;
const OPEN_WITHIN_MS = 1_000;
const BACK_WITHIN_MS = 2_000;
/** What two busy processors may add to a single figure, and to a moment that is looked for. */
const SLACK_MS = 100;
const MOMENT_SLACK_MS = 700;
/** No caller is ever held for longer. */
const LONGEST_MS = 500;
/** `CACHE_MAX_LAG_MS`, and the beat in which it is noticed. */
const SUSPENDED_WITHIN_MS = 1_500 + 500;
/** Each of the two connections, by its own back-off. */
const MOST_ATTEMPTS = 30;
/** Redis that answers heartbeats and nothing else in time is tried again and again. */
const MOST_OUTAGES_IF_SLOW = 4;
/** Invalidations that Redis is told of at once, of all, when it is there: less some that waited too long for a processor. */
const TOLD_RATIO = 0.5;
/** Between two trials of a server that does not answer: the first waits for its own deadline. */
const SHORTEST_TRIAL_MS = 250;

const stages = new Stages(AT_THE_SAME_TIME);

async function play(fault: RedisFault, ms: number): Promise<FaultReport> {
  const run = await stages.use(() => runFault(fault, { ms, perSecond: PER_SECOND }));
  printFigures(
    `${fault.name} for ${ms} ms: a cold lookup`,
    run.callers.lookups.filter(({ at }) => at >= run.began && at < run.ended).map((call) => call.ms),
  );
  return reportOf(run);
}

/**
 * Plays a fault and judges it. What is right or wrong is judged of every run. Figures that come late are judged of a second
 * run too: a fault of ours is late in both, a busy machine in one.
 */
async function judge(fault: RedisFault, ms: number, isInTime: (report: FaultReport) => void): Promise<void> {
  const report = await play(fault, ms);
  expectRight(report);
  try {
    isInTime(report);
  } catch (error) {
    console.warn(`${fault.name} is played once more: ${String(error).split('\n', 1)[0]}`);
    const again = await play(fault, ms);
    expectRight(again);
    isInTime(again);
  }
}

function expectRight(report: FaultReport): void {
  expect(report.errors).toEqual([]);
  expect(report.wrong).toBe(0);
  expect(report.lookups).toBeGreaterThan(10);
}

function expectCalm(report: FaultReport): void {
  // Whatever keeps this process from running delays the loader alone as well.
  expect(report.most).toBeLessThan(LONGEST_MS + report.loaderMost);
  expect(report.p99).toBeLessThan(P99_MS + SLACK_MS + report.loaderP99);
  expect(report.p50).toBeLessThan(P99_MS + SLACK_MS);
}

/** One beginning, one end, and in between nothing but one trial after another. */
function expectOutage(report: FaultReport, { isForGood = false, isSlow = false }: RedisFault): void {
  expect(report.openAfter).toBeLessThan(OPEN_WITHIN_MS + MOMENT_SLACK_MS);
  expect(report.ups).toBe(report.downs - (isForGood ? 1 : 0));
  expect(report.invalidations.most).toBeLessThan(LONGEST_MS + report.loaderMost);
  if (isSlow) expect(report.downs).toBeWithin(1, MOST_OUTAGES_IF_SLOW + 1);
  else {
    expect(report.downs).toBe(1);
    expect(report.commandsWhileOpen).toBe(0);
    expect(report.onceOpen).toBeLessThan(1.5);
  }
  if (!isForGood) expect(report.backAfter).toBeLessThan(BACK_WITHIN_MS + MOMENT_SLACK_MS);
}

function expectNoOutage(report: FaultReport): void {
  expect([report.downs, report.ups]).toEqual([0, 0]);
  expect(report.openAfter).toBeUndefined();
  // Invalidations are taken as if nothing had happened.
  expect(report.invalidations.told).toBeGreaterThan(report.invalidations.all * TOLD_RATIO);
}

describe('no caller sees an error, or is held, while Redis is', () => {
  // The longest begin first, so that no place is left empty at the end.
  for (const fault of REDIS_FAULTS.filter(({ hangs }) => hangs)) {
    test.concurrent(`${fault.name} for ${HUNG_MS / 1_000} s, and only one trial is under way`, async () => {
      await judge(fault, HUNG_MS, (report) => {
        expectCalm(report);
        expectOutage(report, fault);
        expect(report.shortestTrialPause).toBeGreaterThan(SHORTEST_TRIAL_MS);
      });
    });
  }

  for (const fault of REDIS_FAULTS) {
    test.concurrent(fault.name, async () => {
      await judge(fault, fault.deafens ? DEAF_MS : MS, (report) => {
        expectCalm(report);
        if (fault.opensBreaker) expectOutage(report, fault);
        else expectNoOutage(report);
        if (fault.deafens) expect(report.l1SuspendedAfter).toBeLessThan(SUSPENDED_WITHIN_MS);
        expect(report.alarms).toBeWithin(fault.needsOperator ? 1 : 0, fault.needsOperator ? 3 : 1);
        expect(report.attempts).toBeLessThan(MOST_ATTEMPTS);
      });
    });
  }
});
