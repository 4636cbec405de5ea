import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { effort } from '../support/effort.ts';
import { planOf } from './plan-of.ts';
import { report } from './report.ts';
import { run } from './run.ts';
import { WEAKENINGS } from './weakenings/index.ts';
import { CUT_OFF } from './weakenings/outbox.ts';

// Others may want the processors first.
setDefaultTimeout(600_000);

/** About 400 operations each. `bun run test:long` plays the first 5,000. */
const SEEDS = 270;
const CALM_SEEDS = effort({ quick: 50, long: 100 });
const CUT_OFF_SEEDS = effort({ quick: 100, long: 500 });
/** Worlds, by the weakening that they are made for, and seeds that showed a fault of Tiercel's own. */
const ONCE_BROKEN: readonly (readonly [world: string, seed: number])[] = [
  // A sweep kept its place although its steps had been taken in the other database.
  ['an earlier history that is believed again', 62],
];

describe('the simulated fleet', () => {
  test('breaks no invariant in 100,000 operations, whatever fails', () => {
    let operations = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const result = run(seed);
      operations += result.operations;
      const [first] = result.violations;
      if (first === undefined) continue;
      const replay = `bun run simulate --seed ${seed} --shrink`;
      throw new Error(`Seed ${seed}: ${first.invariant}: ${first.message}\nFor a short trace: ${replay}`);
    }
    expect(operations).toBeGreaterThan(100_000);
  });

  test('breaks no invariant while nothing fails', () => {
    for (let seed = 1; seed <= CALM_SEEDS; seed += 1) expect(run(seed, { faults: [] }).violations).toEqual([]);
  });

  test('knows what is pending soon after all have lost L2 together', () => {
    for (let seed = 1; seed <= CUT_OFF_SEEDS; seed += 1) expect(run(seed, CUT_OFF).violations).toEqual([]);
  });

  test('breaks no invariant where it once did', () => {
    for (const [world, seed] of ONCE_BROKEN) expect(run(seed, WEAKENINGS[world]?.mix).violations).toEqual([]);
  });

  test('replays a seed to the letter', () => {
    const first = report(planOf(7));
    expect(first.length).toBeGreaterThan(400);
    expect(report(planOf(7))).toEqual(first);
    expect(report(planOf(8))).not.toEqual(first);
  });
});
