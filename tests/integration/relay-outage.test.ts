import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { endOf } from '../soak/fleet.ts';
import { OUTAGES, type OutageName, type OutageReport, runOutage } from '../soak/outages.ts';
import { type RelayFleet, startRelayFleet } from '../soak/relay-fleet.ts';

setDefaultTimeout(60_000);

/** Change it to see other reads meet other writes. */
const SEED = 20_261_125;
/** Short; `bun tests/soak/outage.ts` takes a minute and a thousand writes. */
const AWAY_MS = 3_000;
const WRITES = 60;

const owned = new AsyncDisposableStack();
let fleet: RelayFleet;

beforeAll(async () => {
  fleet = await startRelayFleet(owned);
});

afterAll(() => owned.disposeAsync());

function print(name: string, { ages, warm, untouched, usedAfterMs }: OutageReport): void {
  const { readCount, reads, changes, untold, oldestMs } = ages;
  process.stdout.write(
    `[checked] ${name}: ${readCount} reads (l1 ${reads.l1}, l2 ${reads.l2}, source ${reads.source}), ${changes} changes ` +
      `(${untold} untold), stale for ${Math.round(oldestMs)} ms at most, in use again after ${Math.round(usedAfterMs)} ms, ` +
      `${warm} of ${untouched} untouched from l2\n`,
  );
}

for (const name of Object.keys(OUTAGES) as OutageName[]) {
  test(`Redis ${name}: nothing stale, and not cold`, async () => {
    const report = await runOutage(fleet, name, { awayMs: AWAY_MS, writes: WRITES, seed: SEED });
    print(name, report);
    expect(report.ages.violations).toEqual([]);
    expect(report.ages.untold).toBeGreaterThan(WRITES / 2);
    expect(report.warm).toBe(report.untouched);
  });
}

test('and they end as they should, with no error in their logs', async () => {
  expect((await Promise.all(fleet.members.map(endOf))).flat()).toEqual([]);
});
