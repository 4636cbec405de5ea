import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Proof } from '../../src/core/state/proof.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { until } from '../../src/testing/until.ts';
import { printSoak } from '../integration/support/print-soak.ts';
import { versionsIn } from '../soak/catalog.ts';
import { Checker } from '../soak/checker.ts';
import { killAgainAndAgain } from '../soak/faults.ts';
import { type Fleet, type Member, startFleet } from '../soak/fleet.ts';
import { startLibraryPair, type Weakening } from '../soak/library-pair.ts';
import { checkConvergence, startWorkload } from '../soak/workload.ts';
import { sharedRedis } from '../support/redis-server.ts';
import { isBus } from '../support/redis-wire.ts';

setDefaultTimeout(60_000);

const SEED = 7;
/** Read by both instances while one hears nothing: several times D. */
const READS_IN_BLACK_HOLE = 2_500;
const KILLS_MS = 6_000;

const owned = new AsyncDisposableStack();
let fleet: Fleet;
let checker: Checker;

beforeAll(async () => {
  fleet = await startFleet(owned, { instances: 2 });
});

afterAll(() => owned.disposeAsync());

/** Lets clients read and write while something happens, and has everybody agree in the end. */
async function during(act: (member: Member) => Promise<void>): Promise<void> {
  const [, deaf] = fleet.members;
  if (deaf === undefined) throw new Error('two instances were asked for');
  checker = new Checker(await versionsIn(fleet.sql), fleet.maxLagMs);
  const workload = startWorkload(fleet, checker, new SeededRandom(SEED));
  await until(() => checker.readCount > 200, { what: 'the clients to be at work' });
  await act(deaf);
  await workload.stop();
  await checkConvergence(fleet, checker);
}

test('a bus that is black-holed while data flows: nothing is served for longer than D', async () => {
  await during(async ({ service, link }) => {
    const hole = link.impose({ hold: true }, { where: isBus });
    await service.logged('l1_suspended');
    const enough = checker.readCount + READS_IN_BLACK_HOLE;
    await until(() => checker.readCount > enough, { what: 'many reads in the black hole', within: 30_000, every: 50 });
    hole.lift();
    await service.logged('l1_resumed');
  });
  printSoak('bus black-holed', checker);
  expect(checker.violations).toEqual([]);
  // The black hole was felt: the other side's writes were not heard of at once.
  expect(checker.maxStalenessMs).toBeGreaterThan(fleet.maxLagMs / 10);
  expect(checker.maxStalenessMs).toBeLessThanOrEqual(fleet.maxLagMs);
});

test('subscriptions killed every 300 ms: nothing is stale, and L2 still hits', async () => {
  let before = 0;
  await during(async ({ link }) => {
    const accepted = link.accepted;
    before = checker.reads.l2;
    await killAgainAndAgain({ fleet }, KILLS_MS);
    expect(link.accepted - accepted).toBeGreaterThan(KILLS_MS / 1_000);
  });
  printSoak('bus killed every 300 ms', checker);
  expect(checker.violations).toEqual([]);
  expect(checker.reads.l2 - before).toBeGreaterThan(100);
});

describe('a reader whose bus is black-holed, D after a write was acknowledged,', () => {
  const MAX_LAG_MS = 300;

  /** What the reader answers then, and what was written. */
  async function readAfterBlackHole(weakening: Weakening): Promise<{ read: number; written: number }> {
    await using owner = new AsyncDisposableStack();
    const { reader, read, write } = await startLibraryPair(owner, await sharedRedis(), MAX_LAG_MS, weakening);
    await read(reader, 'row');
    reader.link.impose({ hold: true }, { where: isBus });
    const written = await write('row');
    const acknowledgedAt = performance.now();
    expect(await read(reader, 'row')).toBe(0);
    await until(() => performance.now() - acknowledgedAt > MAX_LAG_MS, { what: 'D to be over' });
    return { read: await read(reader, 'row'), written };
  }

  test('has the new value', async () => {
    expect(await readAfterBlackHole({})).toEqual({ read: 1, written: 1 });
  });

  test('has the old one if it trusts a proof for ever: the test can fail', async () => {
    class EternalProof extends Proof {
      override isProven(): boolean {
        return true;
      }
    }
    expect(await readAfterBlackHole({ collaborators: { Proof: EternalProof } })).toEqual({ read: 0, written: 1 });
  });
});

describe('a reader that has missed an invalidation between two subscriptions', () => {
  /** What the reader answers once it is subscribed and proven again, and what was written. */
  async function readAfterGap(weakening: Weakening): Promise<{ read: number; written: number }> {
    await using owner = new AsyncDisposableStack();
    const { reader, read, write } = await startLibraryPair(owner, await sharedRedis(), 1_500, weakening);
    const { link, cache } = reader;
    await read(reader, 'row');
    link.refuse();
    link.resetConnections(isBus);
    await until(() => !link.connections.some(isBus), { what: 'the subscription to be gone' });
    const written = await write('row');
    const back = performance.now();
    await link.accept();
    const isProven = (): boolean => {
      const { proofAgeMs = Infinity } = cache.health().bus ?? {};
      return proofAgeMs < performance.now() - back;
    };
    await until(isProven, { what: 'a proof by the new subscription' });
    return { read: await read(reader, 'row'), written };
  }

  test('has the new value', async () => {
    expect(await readAfterGap({})).toEqual({ read: 1, written: 1 });
  });

  test('has the old one if it does not look at the numbers: the test can fail', async () => {
    class CredulousProof extends Proof {
      override takeHeartbeat(...given: Parameters<Proof['takeHeartbeat']>): boolean {
        super.takeHeartbeat(...given);
        return true;
      }
    }
    expect(await readAfterGap({ collaborators: { Proof: CredulousProof } })).toEqual({ read: 0, written: 1 });
  });
});
