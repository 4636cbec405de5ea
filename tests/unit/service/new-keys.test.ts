import { beforeEach, expect, test } from 'bun:test';
import { NewKeys } from '../../../src/service/routes/new-keys.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

let clock: TestClock;

beforeEach(() => {
  clock = new TestClock();
});

const keysFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => `product:1:${first + index}`);

test('a tenant brings as many new keys in a minute as its budget has, and others have their own', async () => {
  const newKeys = new NewKeys(3, clock);
  const taken = keysFrom(0, 5).map((key) => newKeys.take(key, '1', false));
  expect(taken).toEqual([true, true, true, false, false]);
  expect(newKeys.take('product:2:1', '2', false)).toBe(true);
  await clock.advance('1m');
  expect(newKeys.take('product:1:9', '1', false)).toBe(true);
});

test('a key that comes again in its minute is not new', () => {
  const newKeys = new NewKeys(2, clock);
  for (let round = 0; round < 10; round += 1) expect(newKeys.take('product:1:1', '1', false)).toBe(true);
  expect(newKeys.take('product:1:2', '1', false)).toBe(true);
  expect(newKeys.take('product:1:3', '1', false)).toBe(false);
  expect(newKeys.take('product:1:1', '1', false)).toBe(true);
});

test('who may ask for every org has ten budgets for all orgs together, and uses up nothing of those who have one org', () => {
  const newKeys = new NewKeys(3, clock);
  let stored = 0;
  for (let org = 1; org <= 1_000; org += 1) if (newKeys.take(`product:${org}:1`, String(org), true)) stored += 1;
  expect(stored).toBe(30);
  expect(newKeys.take('product:2000:1', '2000', false)).toBe(true);
  expect(newKeys.take('product:1:2', '1', false)).toBe(true);
});

test('so many keys are remembered and no more: of the others, one that comes again counts again', () => {
  const newKeys = new NewKeys(100_002, clock);
  for (const key of keysFrom(0, 100_001)) newKeys.take(key, '1', false);
  const forgotten = 'product:1:100000';
  expect([newKeys.take(forgotten, '1', false), newKeys.take(forgotten, '1', false)]).toEqual([true, false]);
  expect(newKeys.take('product:1:0', '1', false)).toBe(true);
});
