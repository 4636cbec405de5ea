import { expect, test } from 'bun:test';
import { parseOptions, UsageError } from './options.ts';

test('a soak has defaults, and a seed of its own', () => {
  const options = parseOptions([]);
  expect(options).toMatchObject({ minutes: 10, every: 10, instances: 3 });
  expect(Number.isSafeInteger(options?.seed)).toBe(true);
});

test('everything can be chosen, and help asked for', () => {
  const given = ['--minutes', '0.5', '--every=5', '--seed', '7', '--instances', '4'];
  expect(parseOptions(given)).toEqual({ minutes: 0.5, every: 5, seed: 7, instances: 4 });
  expect(parseOptions(['--help'])).toBeUndefined();
});

test('what makes no sense is refused by name', () => {
  for (const given of ['--minutes=0', '--every=x', '--instances=1', '--seed=1.5', '--seed=']) {
    const name = given.slice(0, given.indexOf('='));
    expect(() => parseOptions([given])).toThrow(new RegExp(`^${name} cannot be`));
  }
  expect(() => parseOptions(['--forever'])).toThrow(UsageError);
});
