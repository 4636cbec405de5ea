import { describe, expect, test } from 'bun:test';
import { WEAKENINGS } from './weakenings.ts';
import { run } from './workload.ts';

/** About 400 operations a seed: together more than 200,000. */
const SEEDS = 600;

describe('the simulated fleet', () => {
  test('breaks no invariant, whatever fails', () => {
    let operations = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const result = run({ seed });
      operations += result.operations;
      if (result.violations.length > 0) {
        const [first] = result.violations;
        throw new Error(`Seed ${seed}: ${first?.invariant}: ${first?.message}\n${result.trace.slice(-60).join('\n')}`);
      }
    }
    expect(operations).toBeGreaterThan(200_000);
  }, 120_000);

  test('breaks no invariant while nothing fails', () => {
    for (let seed = 1; seed <= 50; seed += 1) expect(run({ seed, faults: false }).violations).toEqual([]);
  }, 60_000);

  test('replays a seed to the letter', () => {
    const first = run({ seed: 7 });
    expect(run({ seed: 7 }).trace).toEqual(first.trace);
    expect(run({ seed: 8 }).trace).not.toEqual(first.trace);
  });
});

describe('the checks notice', () => {
  for (const [name, weakening] of Object.entries(WEAKENINGS)) {
    test(name, () => {
      const seeds = Array.from({ length: 300 }, (_, index) => index + 1);
      const noticed = seeds.find((seed) => run({ seed, weakening }).violations.length > 0);
      expect(noticed).toBeDefined();
    }, 60_000);
  }
});
