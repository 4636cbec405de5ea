import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { planOf } from './plan-of.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';
import { FIRST_SEEDS } from './weakenings/first-seeds.ts';
import { WEAKENINGS } from './weakenings/index.ts';

// Others may want the processors first.
setDefaultTimeout(600_000);

/** Most are noticed within ten. */
const MOST_SEEDS = 1_000;
/** The weakening must not be blamed for what the world does that is made for it. */
const SOUND_SEEDS = 3;

describe('the simulator notices', () => {
  for (const [name, { weakening, mix }] of Object.entries(WEAKENINGS)) {
    test(name, () => {
      const from = FIRST_SEEDS[name] ?? 1;
      let seed = from;
      while (seed < from + MOST_SEEDS && run(seed, mix, { weakening }).violations.length === 0) seed += 1;
      expect(seed).toBeLessThan(from + MOST_SEEDS);
      for (let own = seed; own < seed + SOUND_SEEDS; own += 1) expect(run(own, mix).violations).toEqual([]);
    });
  }
});

test('a first seed belongs to a weakening', () => {
  expect(Object.keys(FIRST_SEEDS).filter((name) => WEAKENINGS[name] === undefined)).toEqual([]);
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
