import { expect, test } from 'bun:test';
import { keyNamed } from './keys.ts';
import { type Mix, planOf } from './plan-of.ts';
import { Readers } from './readers.ts';
import { MAX_LAG_MS, World } from './world.ts';

/** I7 without L2: the source meets one load a key, process and D, however many want it. */
test('while Redis is away, each process loads each key once in D', () => {
  const mix: Mix = {
    setting: { instances: 3, keys: ['k0', 'k1'], skew: 0, lateShare: 0 },
    policy: { ttl: 60_000, l1Ttl: 60_000, negativeTtl: 60_000, refreshAhead: false },
  };
  const world = new World(1, planOf(1, mix).setting);
  const readers = new Readers(world);
  world.runFor(1_000);
  world.server.stop();
  const from = world.time.now;
  for (let now = from; now < from + 20_000; now += 10) {
    world.time.runUntil(now);
    for (const instance of world.instances)
      if (instance !== undefined)
        for (const key of ['k0', 'k1']) readers.read(instance, keyNamed(key), { naming: 'value' });
  }
  world.runUntilAnswered();
  const { loads, reads, failures } = world.history;
  expect(failures).toEqual([]);
  expect(reads.length).toBe((20_000 / 10) * 3 * 2);
  const groups = Map.groupBy(loads, ({ instance, key }) => `${instance} ${key}`);
  expect(groups.size).toBe(6);
  for (const group of groups.values()) {
    const pauses = group.slice(1).map(({ start }, index) => start - (group[index]?.start ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(MAX_LAG_MS);
    expect(pauses.length).toBeGreaterThan(10);
  }
});
