import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Fleet, type FleetOptions } from '../support/core-fixture.ts';

setDefaultTimeout(300_000);

const INSTANCES = 20;
const READS_PER_MS = 1;
/** So many that L1, which keeps each for 100 ms, does not spare L2 much. */
const KEYS = 500;
const OUTAGE_MS = 2_000;

interface Herd {
  readonly fleet: Fleet;
  /** Lets that much time pass, while every instance is asked a thousand times a second. */
  ask(ms: number): void;
  /** Calls that all instances sent to L2 in the time that {@link ask} took last, heartbeats not counted. */
  calls(): number;
}

function herdOf(options: FleetOptions = {}): Herd {
  const fleet = new Fleet({ instances: INSTANCES, defaults: { ttl: '1h', l1Ttl: '100ms' }, ...options });
  let reads = 0;
  let since = 0;
  const herd: Herd = {
    fleet,
    ask(ms) {
      since = fleet.time.now;
      for (let passed = 0; passed < ms; passed += 1) {
        for (const { cache } of fleet.members) {
          for (let read = 0; read < READS_PER_MS; read += 1)
            cache.getOrSet(`k${reads++ % KEYS}`, () => 'loaded').catch(() => {});
        }
        fleet.run(1);
      }
    },
    calls: () => fleet.members.reduce((sum, { calls }) => sum + calls.filter(({ at }) => at >= since).length, 0),
  };
  herd.ask(200);
  return herd;
}

describe('twenty instances, each asked a thousand times a second, when L2 is back', () => {
  test('after it stood still, leave it in peace for a second, and use it then', () => {
    const { fleet, ask, calls } = herdOf();
    const gate = fleet.hold('request', '.data');
    ask(OUTAGE_MS);
    gate.open();
    ask(1_000);
    expect(calls()).toBe(0);
    ask(1_000);
    expect(calls()).toBeGreaterThan(INSTANCES);
    for (const { cache } of fleet.members) expect(cache.health().l2?.healthy).toBe(true);
  });

  test('after a restart, ask it once each at most: which history it is', () => {
    const { fleet, ask, calls } = herdOf();
    fleet.server.stop();
    ask(OUTAGE_MS);
    fleet.server.restart({ keepData: false });
    ask(1_000);
    expect(calls()).toBeLessThanOrEqual(INSTANCES);
    ask(1_000);
    for (const { cache } of fleet.members) expect(cache.health().l2?.healthy).toBe(true);
  });

  test('would fall upon it without the time to settle: the test can fail', () => {
    const { fleet, ask, calls } = herdOf({ breaker: { settleMs: 0 } });
    const gate = fleet.hold('request', '.data');
    ask(OUTAGE_MS);
    gate.open();
    ask(1_000);
    expect(calls()).toBeGreaterThan(INSTANCES);
  });
});
