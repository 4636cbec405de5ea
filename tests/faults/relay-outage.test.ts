import { expect, setDefaultTimeout, test } from 'bun:test';
import { endOf } from '../soak/fleet.ts';
import { describeOutage, OUTAGES, type OutageName, runOutage } from '../soak/outages.ts';
import { startRelayFleet } from '../soak/relay-fleet.ts';

setDefaultTimeout(90_000);

/** Change it to see other reads meet other writes. */
const SEED = 20_261_125;
/**
 * With the wait for a heartbeat a little more than three seconds: what is tried meanwhile is never longer than D apart, so
 * that its late arrival looks like no outage at all. `bun tests/soak/outage.ts` takes a minute and a thousand writes.
 */
const AWAY_MS = 2_500;
const WRITES = 100;
/** Three fleets are read at once, and none of them may keep the processors from the others. */
const READ_PAUSE_MS = 30;

// Each has servers and instances of its own, which mostly wait.
for (const name of Object.keys(OUTAGES) as OutageName[]) {
  test.concurrent(`Redis ${name}: nothing stale, and not cold`, async () => {
    await using owner = new AsyncDisposableStack();
    const fleet = await startRelayFleet(owner);
    const report = await runOutage(fleet, name, {
      awayMs: AWAY_MS,
      writes: WRITES,
      seed: SEED,
      readPauseMs: READ_PAUSE_MS,
    });
    process.stdout.write(`[checked] Redis ${name}: ${describeOutage(report)}\n`);
    expect(report.ages.violations).toEqual([]);
    expect(report.ages.untold).toBeGreaterThan(WRITES / 2);
    // A slow answer of Redis is an answer from the source.
    expect(report.warm).toBeGreaterThan(report.untouched / 2);
    expect((await Promise.all(fleet.members.map(endOf))).flat()).toEqual([]);
  });
}
