import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { endOf } from '../soak/fleet.ts';
import { KILL_POINTS, startVictim } from '../soak/kill-points.ts';
import { type KillResult, killOne, killVictim } from '../soak/kill-run.ts';
import { makeLeader, type RelayFleet, startRelayFleet } from '../soak/relay-fleet.ts';
import { printFigures } from './support/measure.ts';

setDefaultTimeout(90_000);

/** Four processes die side by side, each on its own product, three times over; `bun tests/soak/kills.ts` kills a hundred. */
const LANES = 4;
const KILLS_PER_LANE = KILL_POINTS.length;

const owned = new AsyncDisposableStack();
let fleet: RelayFleet;

beforeAll(async () => {
  fleet = await startRelayFleet(owned);
});

afterAll(() => owned.disposeAsync());

function expectNoneTooOld(what: string, results: readonly KillResult[]): void {
  printFigures(
    `${what}: from the commit to its news`,
    results.map(({ knownAfterMs }) => knownAfterMs),
  );
  expect(results.filter(({ tooOld }) => tooOld > 0)).toEqual([]);
  // Not known at all would be infinity.
  expect(Math.max(...results.map(({ knownAfterMs }) => knownAfterMs))).toBeLessThan(Infinity);
  for (const { reads } of results) expect(reads).toBeGreaterThan(50);
}

describe('a process that dies (SIGKILL) between its commit and the invalidation', () => {
  test(`leaves nothing stale, ${LANES * KILLS_PER_LANE} of ${LANES * KILLS_PER_LANE} times`, async () => {
    const lane = async (_: unknown, index: number): Promise<KillResult[]> => {
      const results: KillResult[] = [];
      for (const point of KILL_POINTS) results.push(await killOne(fleet, 1 + index, point));
      return results;
    };
    const results = (await Promise.all(Array.from({ length: LANES }, lane))).flat();
    for (const point of KILL_POINTS)
      expectNoneTooOld(
        point,
        results.filter((result) => result.point === point),
      );
  });

  for (const death of ['process', 'machine'] as const) {
    test(`leaves nothing stale when it leads and its ${death} ends`, async () => {
      const victim = await startVictim(fleet, `leader whose ${death} ends`);
      await makeLeader(victim.member, fleet.psql);
      expectNoneTooOld(`the leader's ${death}`, [
        await killVictim(fleet, fleet.members, victim, 11, 'committed', death),
      ]);
    });
  }
});

test('those who live on have nothing to complain about', async () => {
  expect((await Promise.all(fleet.members.map(endOf))).flat()).toEqual([]);
});
