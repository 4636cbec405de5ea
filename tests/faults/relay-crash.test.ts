import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { printFigures } from '../integration/support/measure.ts';
import { endOf } from '../soak/fleet.ts';
import { KILL_POINTS, startVictim } from '../soak/kill-points.ts';
import { type KillResult, killMany, killVictim } from '../soak/kill-run.ts';
import { makeLeader, type RelayFleet, startRelayFleet } from '../soak/relay-fleet.ts';
import { effort } from '../support/effort.ts';

setDefaultTimeout(90_000);

/** So many processes die side by side, each over a product of its own; `bun tests/soak/kills.ts` kills a hundred. */
const LANES = 6;
const KILLS = effort({ quick: 6, long: 24 });

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
  test(`leaves nothing stale, ${KILLS} of ${KILLS} times`, async () => {
    const results = await killMany(fleet, KILLS, LANES);
    expect(results).toHaveLength(KILLS);
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
