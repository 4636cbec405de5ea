import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type CrowdOutageReport, runCrowdOutage } from '../soak/crowd-outage.ts';

setDefaultTimeout(60_000);

/** Change it to see other reads meet other writes. `bun tests/soak/outage-clients.ts` sends a thousand for 30 seconds. */
const SEED = 20_261_126;
const PLAN = {
  clients: 200,
  perSecond: 400,
  warmUpMs: 1_500,
  wellMs: 500,
  redisMs: 5_000,
  postgresMs: 2_500,
  seed: SEED,
};
/** No answer without Redis takes longer. */
const LONGEST_MS = 500;
const MAX_LAG_MS = 1_500;
/** The query of a load may have waited so much longer for its connection than that of the next one. */
const QUEUE_MS = 250;

let report: CrowdOutageReport;

beforeAll(async () => {
  report = await runCrowdOutage({ ...PLAN, redis: 'stopped', postgres: 'stopped' });
  for (const line of report.lines) process.stdout.write(`[measured] ${line}\n`);
});

describe(`${PLAN.clients} clients of two services (seed ${SEED})`, () => {
  test('do not notice that Redis is away', () => {
    const { withoutRedis } = report;
    expect(withoutRedis.firstFailures).toEqual([]);
    expect(withoutRedis.turnedAway).toEqual([]);
    expect(withoutRedis.served.length).toBeGreaterThan((PLAN.perSecond * PLAN.redisMs) / 1_000 / 2);
    expect(withoutRedis.tiers.l2).toBeLessThan(withoutRedis.served.length / 10);
    expect(withoutRedis.most).toBeLessThan(LONGEST_MS);
  });

  test('and have PostgreSQL asked for each product once in D by each instance at most', () => {
    expect(report.loads).toBeGreaterThan(100);
    expect(report.pauses.length).toBeGreaterThan(10);
    expect(report.pauses.filter((ms) => ms < MAX_LAG_MS - QUEUE_MS)).toEqual([]);
  });

  test('are given stale values that say so, or told when to come again, when PostgreSQL is away as well', () => {
    const { withoutBoth } = report;
    expect(withoutBoth.firstFailures).toEqual([]);
    expect(withoutBoth.sourceErrors).toBeGreaterThan(10);
    expect(withoutBoth.turnedAway.length).toBeGreaterThan(0);
    expect(withoutBoth.withoutRetryAfter).toBe(0);
  });

  test('and are served as before when both are back', () => {
    expect(report.recovering.firstFailures).toEqual([]);
    expect(report.recovering.tiers.l2).toBeGreaterThan(0);
  });

  test('never read anything too old', () => {
    const { ages } = report;
    expect(ages.violations).toEqual([]);
    expect(ages.untold).toBeGreaterThan(0);
  });

  test('Each service says once that it does without Redis, and once that it is back, and complains of nothing', () => {
    for (const changes of report.fallbacks) {
      expect(changes.map(({ event }) => event)).toEqual(['redis_fallback_mode_enabled', 'redis_cache_restored']);
    }
    expect(report.complaints).toEqual([]);
  });
});
