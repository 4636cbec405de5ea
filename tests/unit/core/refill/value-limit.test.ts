import { describe, expect, test } from 'bun:test';
import { memoryLocalTier } from '../../../../src/adapters/memory/index.ts';
import {
  type CacheOptions,
  CodecError,
  createCache,
  InvalidOptionError,
  InvalidValueError,
  type Packing,
  type RemoteTier,
} from '../../../../src/index.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, roundTrips } from '../../../support/core-fixture.ts';

const LIMIT = 2_000;
const LONG = 'x'.repeat(LIMIT);
const limited = (instances = 1) => new Fleet({ instances, maxValueBytes: LIMIT });
const never = () => 'loaded again';

describe('a loaded value above maxValueBytes', () => {
  test('is handed out and kept in L1, and L2 does not get it', () => {
    const fleet = limited(2);
    const { cache, calls } = fleet.member(0);
    const loaded = fleet.settle(cache.lookup('big:1', () => LONG));
    expect(loaded).toMatchObject({ value: LONG, tier: 'source', steps: { l2: { stored: false } } });
    expect(fleet.settle(cache.lookup('big:1', never))).toMatchObject({ value: LONG, tier: 'l1' });
    expect(fleet.settle(fleet.cache(1).get('big:1'))).toBeUndefined();
    expect(calls.map(({ operation }) => operation)).toEqual(['acquire', 'tagGenerations', 'leaveOutcome']);
  });

  test('is told of once a store, with key, size and limit, and is no fault of L2', () => {
    const fleet = limited();
    const { cache, failures } = fleet.member();
    fleet.settle(cache.getOrSet('big:1', () => LONG));
    fleet.settle(cache.getOrSet('big:1', never));
    expect(failures).toEqual([
      { error: expect.any(InvalidValueError), operation: 'fill', tier: 'l2', key: 'big:1', background: false },
    ]);
    expect(String(failures[0]?.error)).toMatch(
      /^InvalidValueError: The value of key "big:1" takes 2\d{3} bytes when encoded; maxValueBytes is 2000$/,
    );
    expect(cache.stats().tiers.l2).toMatchObject({ fillsFailed: 1 });
    expect(cache.stats().breakerTransitions).toBe(0);
    // The note of the first load has lapsed.
    fleet.run(100);
    fleet.settle(cache.getOrSet('big:1', () => LONG, { forceFresh: true }));
    expect(failures).toHaveLength(2);
  });

  test('makes no other instance wait for its lease', () => {
    const fleet = limited(2);
    for (const cache of [fleet.cache(0), fleet.cache(1)]) fleet.settle(cache.getOrSet('big:1', () => LONG));
    // The note of the first says that there is nothing to wait for.
    expect(roundTrips(fleet.member(1))).toBe(1);
  });
});

describe('set of a value above maxValueBytes', () => {
  test('rejects, naming the limit, and changes nothing', () => {
    const fleet = limited(2);
    const { cache, calls } = fleet.member(0);
    fleet.settle(cache.set('k', 'old'));
    calls.length = 0;
    const error = fleet.failure(cache.set('k', LONG));
    expect(error).toBeInstanceOf(InvalidValueError);
    expect(error).toMatchObject({ key: 'k', message: expect.stringContaining('maxValueBytes is 2000') });
    expect(calls).toEqual([]);
    expect(cache.peek<string>('k')).toBe('old');
    expect(fleet.settle(fleet.cache(1).get<string>('k'))).toBe('old');
  });

  test('is no matter where there is no L2', () => {
    const fleet = new Fleet({ tiers: 'l1', maxValueBytes: LIMIT });
    fleet.settle(fleet.cache().set('k', LONG));
    expect(fleet.cache().peek<string>('k')).toBe(LONG);
  });

  test('is no matter where nothing is to be stored', () => {
    const fleet = limited();
    expect(fleet.settle(fleet.cache().set('k', LONG, { ttl: 0 }))).toBe(false);
  });
});

describe('what is stored can be read, up to the byte:', () => {
  /** Four bytes and two units each, so that their count is neither. */
  const lengths = Array.from({ length: 110 }, (_, more) => (LIMIT - 400) / 4 + more);

  test('by a load', () => {
    const fleet = limited(2);
    const stored = lengths.filter((length) => {
      const key = `k:${length}`;
      const value = '🔩'.repeat(length);
      const { steps } = fleet.settle(fleet.cache(0).lookup(key, () => value, { tags: ['t'] }));
      expect(fleet.settle(fleet.cache(1).get<string>(key))).toBe(steps.l2?.stored ? value : undefined);
      return steps.l2?.stored;
    });
    expect(stored.length).toBeGreaterThan(10);
    expect(stored.length).toBeLessThan(lengths.length);
    expect(fleet.member(1).failures).toEqual([]);
  });

  test('by a set', () => {
    const fleet = limited(2);
    const stored = lengths.filter((length) => {
      const key = `k:${length}`;
      const value = '🔩'.repeat(length);
      const done = fleet.settle(
        fleet
          .cache(0)
          .set(key, value, { tags: ['t'] })
          .catch(() => false),
      );
      expect(fleet.settle(fleet.cache(1).get<string>(key))).toBe(done ? value : undefined);
      return done;
    });
    expect(stored.length).toBeGreaterThan(5);
    expect(stored.length).toBeLessThan(lengths.length);
    expect(fleet.member(1).failures).toEqual([]);
  });
});

test('a value above maxValueBytes that another instance has stored is a miss, and told of', () => {
  const fleet = new Fleet();
  const { cache, failures } = fleet.join({ maxValueBytes: LIMIT });
  fleet.settle(fleet.cache(0).set('big:1', LONG));
  expect(fleet.settle(cache.get('big:1'))).toBeUndefined();
  expect(failures).toEqual([
    { error: expect.any(CodecError), operation: 'decode', tier: 'l2', key: 'big:1', background: false },
  ]);
  expect(String(failures[0]?.error)).toMatch(/they are 2\d{3} bytes; maxValueBytes is 2000$/);
  expect(fleet.settle(cache.lookup('big:1', () => 'small'))).toMatchObject({ value: 'small', tier: 'source' });
});

test.each([[0], [-1], [1.5], [Number.NaN], [Infinity], [2 ** 29 + 1], ['1MB']])(
  'maxValueBytes %p is refused',
  (given) => {
    const options = { l1: memoryLocalTier(), maxValueBytes: given } as CacheOptions;
    expect(() => createCache(options)).toThrow(InvalidOptionError);
    expect(() => createCache(options)).toThrow(
      /^Option maxValueBytes must be a whole number from 1 to 536870912; got /,
    );
  },
);

describe('a tier that packs', () => {
  const run = 'x'.repeat(100);
  const limits: number[] = [];
  const packing: Packing = {
    pack: (body) => `packed ${String(body).replaceAll(run, '~')}`,
    unpack(body, maxBytes) {
      limits.push(maxBytes);
      return String(body)
        .replace(/^packed /, '')
        .replaceAll('~', run);
    },
  };
  const weakening = { tier: (tier: RemoteTier) => overriding(tier, { packing }) };

  test('is given the body, and gives it back, on every way', () => {
    const fleet = new Fleet({ instances: 2, weakening, maxValueBytes: 3 * LIMIT });
    fleet.settle(fleet.cache(0).getOrSet('loaded', () => LONG));
    fleet.settle(fleet.cache(0).set('set', LONG));
    for (const key of ['loaded', 'set']) {
      expect(fleet.settle(fleet.cache(1).lookup(key, never))).toMatchObject({ value: LONG, tier: 'l2' });
      expect(fleet.settle(fleet.cache(1).inspect(key)).l2).toMatchObject({ kind: 'value', value: LONG });
    }
    expect(new Set(limits)).toEqual(new Set([3 * LIMIT]));
    // What another tier makes of it says that it was packed.
    expect(fleet.settle(fleet.join({}).cache.get('loaded'))).toBeUndefined();
  });

  test('does not make values small for L1', () => {
    const fleet = new Fleet({ instances: 2, weakening });
    fleet.settle(fleet.cache(0).set('k', LONG));
    fleet.settle(fleet.cache(1).get('k'));
    expect(fleet.member(1).l1.usage().bytes).toBe(fleet.member(0).l1.usage().bytes);
    expect(fleet.member(1).l1.usage().bytes).toBeGreaterThan(LONG.length);
  });
});
