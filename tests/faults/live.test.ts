import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { printSoak } from '../integration/support/print-soak.ts';
import { versionsIn } from '../soak/catalog.ts';
import { Checker } from '../soak/checker.ts';
import { FAULTS, type Fault, injectFault, shuffled } from '../soak/faults.ts';
import { endOf, type Fleet, startFleet } from '../soak/fleet.ts';
import { checkConvergence, startWorkload } from '../soak/workload.ts';

setDefaultTimeout(60_000);

/** Change it to see other faults meet other reads. */
const SEED = 20_261_121;
const FAULTS_PER_GROUP = 2;
/** Other tests run beside these; `bun run soak` reads more. */
const READ_PAUSE_MS = 40;
/** Long enough to be in every group's run, short enough for all of them. */
const TOO_LONG = /5 s$/;

const owned = new AsyncDisposableStack();
const random = new SeededRandom(SEED);
let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet(owned);
});

afterAll(() => owned.disposeAsync());

function chosen(group: Fault['group']): Fault[] {
  const faults = FAULTS.filter((fault) => fault.group === group && !TOO_LONG.test(fault.name));
  const order = shuffled(faults, random.fork());
  return faults.slice(0, FAULTS_PER_GROUP).flatMap(() => order.next().value ?? []);
}

describe(`three instances, read and written all the time (seed ${SEED})`, () => {
  for (const group of ['bus', 'data', 'redis', 'process'] as const) {
    const faults = chosen(group);
    test(`serve nothing that is too old: ${faults.map(({ name }) => name).join('; ')}`, async () => {
      const checker = new Checker(await versionsIn(fleet.sql), fleet.maxLagMs);
      const workload = startWorkload(fleet, checker, random.fork(), READ_PAUSE_MS);
      for (const fault of faults) await injectFault(fault, { fleet, checker, random: random.fork() });
      await workload.stop();
      await checkConvergence(fleet, checker);
      printSoak(group, checker);
      expect(checker.violations).toEqual([]);
      expect(checker.readCount).toBeGreaterThan(100);
      expect(checker.writes).toBeGreaterThan(10);
    });
  }
});

test('and they end as they should, with no error in their logs', async () => {
  expect((await Promise.all(fleet.members.map(endOf))).flat()).toEqual([]);
});
