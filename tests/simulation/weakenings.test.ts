import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { planOf } from './plan-of.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';
import { WEAKENINGS } from './weakenings/index.ts';

// Others may want the processors first.
setDefaultTimeout(600_000);

/** Most are noticed within the first ten. */
const MOST_SEEDS = 1_000;

describe('the simulator notices', () => {
  for (const [name, { weakening, mix }] of Object.entries(WEAKENINGS)) {
    test(name, () => {
      let seed = 1;
      while (seed <= MOST_SEEDS && run(seed, mix, { weakening }).violations.length === 0) {
        // What is held against the weaker one must not be the fault of the world that is made for it.
        expect(run(seed, mix).violations).toEqual([]);
        seed += 1;
      }
      expect(seed).toBeLessThanOrEqual(MOST_SEEDS);
      expect(run(seed, mix).violations).toEqual([]);
    });
  }
});

test('a failure is shrunk to the few steps that it takes, the same ones each time', () => {
  const { weakening, mix } = WEAKENINGS['flights that no invalidation poisons'] ?? {};
  if (weakening === undefined) throw new Error('There is no such weakening');
  const options = { weakening };
  const failing = Array.from({ length: 100 }, (_, index) => planOf(index + 1, mix)).find(
    ({ seed }) => run(seed, mix, options).violations.length > 0,
  );
  if (failing === undefined) throw new Error('No seed fails');
  const small = shrink(failing, options);
  expect(small.steps.length).toBeLessThan(failing.steps.length / 10);
  expect(run(failing.seed, mix).violations).toEqual([]);
  expect(shrink(failing, options)).toEqual(small);
});

test('a plan that breaks nothing cannot be shrunk', () => {
  expect(() => shrink(planOf(1))).toThrow('Seed 1 breaks no invariant');
});
