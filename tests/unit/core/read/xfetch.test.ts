import { expect, test } from 'bun:test';
import { Fleet } from '../../../support/core-fixture.ts';

const TTL_MS = 10_000;
const READ_EVERY_MS = 20;

interface Outcome {
  /** When the value was loaded anew, in milliseconds before the end of its TTL; negative when somebody had to wait for it. */
  readonly early: number;
  readonly loads: number;
}

/** Reads a key all the time, and says when it was loaded the second time. */
function refreshOf(seed: number, loadMs: number, beta: number): Outcome {
  const fleet = new Fleet({ seed, defaults: { ttl: TTL_MS, refreshAhead: { beta } } });
  const begun: number[] = [];
  const load = (): Promise<number> => {
    begun.push(fleet.time.now);
    return new Promise((resolve) => fleet.time.at(fleet.time.now + loadMs, () => resolve(begun.length)));
  };
  fleet.settle(fleet.cache().getOrSet('k', load));
  const [first = 0] = begun;
  const end = first + TTL_MS;
  // Some time after the second load, so that one too many would be seen.
  while (fleet.time.now < (begun[1] ?? end) + loadMs + 1_000) {
    const isDone = begun.length > 1;
    const read = fleet.cache().getOrSet('k', load);
    if (isDone) fleet.settle(read);
    fleet.run(READ_EVERY_MS);
  }
  return { early: end - (begun[1] ?? Infinity), loads: begun.length };
}

const mean = (outcomes: readonly Outcome[]) => outcomes.reduce((sum, { early }) => sum + early, 0) / outcomes.length;
const seeds = Array.from({ length: 30 }, (_, seed) => seed + 1);

test('refreshes a little before the end of the TTL, once, in nearly all runs', () => {
  const outcomes = seeds.map((seed) => refreshOf(seed, 100, 1));
  expect(outcomes.filter(({ early }) => early > 0).length).toBeGreaterThanOrEqual(28);
  for (const { early, loads } of outcomes) {
    expect(early).toBeLessThan(100 * 20);
    expect(loads).toBe(2);
  }
  // With a hit every 20 ms and loads of 100 ms, some draw goes beyond the end about 160 ms before it.
  expect(mean(outcomes)).toBeGreaterThan(50);
  expect(mean(outcomes)).toBeLessThan(400);
});

test('begins earlier the longer a load takes, and the greater beta is', () => {
  const usual = mean(seeds.map((seed) => refreshOf(seed, 100, 1)));
  expect(mean(seeds.map((seed) => refreshOf(seed, 400, 1)))).toBeGreaterThan(2 * usual);
  expect(mean(seeds.map((seed) => refreshOf(seed, 100, 4)))).toBeGreaterThan(2 * usual);
});

test('L2 keeps how long the load took, for the instances that did not see it', () => {
  const fleet = new Fleet({ instances: 2, defaults: { ttl: TTL_MS, l1Ttl: TTL_MS, refreshAhead: { beta: 1 } } });
  const began = fleet.time.now;
  const slow = () => new Promise<string>((resolve) => fleet.time.at(fleet.time.now + 400, () => resolve('slow')));
  fleet.settle(fleet.cache(0).getOrSet('k', slow));
  let again: number | undefined;
  while (fleet.time.now < began + TTL_MS && again === undefined) {
    fleet.settle(
      fleet.cache(1).getOrSet('k', () => {
        again = fleet.time.now;
        return 'again';
      }),
    );
    fleet.run(READ_EVERY_MS);
  }
  expect(again).toBeLessThan(began + TTL_MS);
});

/** How often a fleet loads a key in 15 s, whose loads take a tenth of its TTL of 10 s, and which all read all the time. */
function loadsOf(seed: number): number {
  const fleet = new Fleet({ seed, instances: 10, defaults: { ttl: TTL_MS, refreshAhead: { beta: 1 } } });
  let loads = 0;
  const load = (): Promise<number> => {
    loads += 1;
    return new Promise((resolve) => fleet.time.at(fleet.time.now + TTL_MS / 10, () => resolve(loads)));
  };
  for (const end = fleet.time.now + 15_000; fleet.time.now < end; fleet.run(READ_EVERY_MS)) {
    for (const { cache } of fleet.members) cache.getOrSet('k', load).catch(() => {});
  }
  return loads;
}

test('a fleet does not refresh in turns what one of it has just refreshed, however slow the load is', () => {
  // Five thousand draws within a TTL begin some six mean draws before its end: every four seconds here.
  for (const seed of [1, 2, 3]) expect(loadsOf(seed)).toBeLessThanOrEqual(6);
});

test('a reader without refreshAhead refreshes nothing ahead, even if a writer with it stored the value', () => {
  const fleet = new Fleet({ tiers: 'l1', defaults: { ttl: TTL_MS } });
  let loads = 0;
  const load = (): Promise<number> => {
    loads += 1;
    return new Promise((resolve) => fleet.time.at(fleet.time.now + 100, () => resolve(loads)));
  };
  fleet.settle(fleet.cache().getOrSet('k', load, { refreshAhead: { beta: 4 } }));
  fleet.run(TTL_MS / 2);
  expect(fleet.settle(fleet.cache().lookup('k', load))).toMatchObject({ value: 1, tier: 'l1', state: 'fresh' });
  fleet.run(200);
  expect(loads).toBe(1);
});

test('a value that was set, and so took no load time, is not refreshed ahead', () => {
  const fleet = new Fleet({ defaults: { ttl: TTL_MS, l1Ttl: TTL_MS, refreshAhead: { beta: 100 } } });
  const began = fleet.time.now;
  fleet.settle(fleet.cache().set('k', 'set'));
  while (fleet.time.now < began + TTL_MS - 50) {
    expect(fleet.settle(fleet.cache().getOrSet<string>('k', () => 'loaded'))).toBe('set');
    fleet.run(READ_EVERY_MS);
  }
});
