import { describe, expect, test } from 'bun:test';
import type { Loader } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

const DOWN = new Error('the source is down');
const failing = (): Promise<never> => Promise.reject(DOWN);

/** Loads `first`, lets its TTL pass, and answers the fleet. */
function withOldValue(options: ConstructorParameters<typeof Fleet>[0]): Fleet {
  const fleet = new Fleet(options);
  fleet.settle(fleet.cache().getOrSet('k', () => 'first'));
  fleet.run(1_000);
  return fleet;
}

describe('stale-while-revalidate', () => {
  const defaults = { ttl: '1s', staleWhileRevalidate: '10s' } as const;

  test('answers the old value at once, and the next caller gets the new one', () => {
    const fleet = withOldValue({ defaults });
    const before = fleet.time.now;
    const old = fleet.settle(fleet.cache().lookup('k', () => 'second'));
    expect(fleet.time.now).toBe(before);
    expect(old).toMatchObject({ value: 'first', tier: 'l1', state: 'stale', steps: { l1: { outcome: 'stale' } } });
    expect(old.ttl).toBeLessThanOrEqual(0);
    fleet.run(5);
    expect(fleet.settle(fleet.cache().lookup('k', () => 'third'))).toMatchObject({ value: 'second', state: 'fresh' });
  });

  test('refreshes once in the whole fleet, however many ask', () => {
    const fleet = new Fleet({ instances: 4, defaults });
    const first = () => 'first';
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', first));
    fleet.run(1_000);
    const loads = new HeldLoads<string>();
    const ask = () =>
      fleet.members.flatMap(({ cache }) => [1, 2, 3].map(() => fleet.settle(cache.getOrSet('k', loads.loader))));
    expect(ask()).toEqual(Array(12).fill('first'));
    fleet.run(100);
    expect(ask()).toEqual(Array(12).fill('first'));
    expect(loads.count).toBe(1);
    loads.answer('second');
    // Everybody else looks again within 50 ms of having stood back.
    fleet.run(60);
    ask();
    fleet.run(5);
    expect(ask()).toEqual(Array(12).fill('second'));
    expect(loads.count).toBe(1);
  });

  test('asks L2 before the loader: another instance may have refreshed the value', () => {
    const fleet = new Fleet({ instances: 2, defaults });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'first'));
    fleet.run(1_000);
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'second'));
    fleet.run(5);
    const unwanted = new HeldLoads<string>();
    expect(fleet.settle(fleet.cache(1).getOrSet('k', unwanted.loader))).toBe('first');
    fleet.run(5);
    expect(fleet.settle(fleet.cache(1).lookup('k', unwanted.loader))).toMatchObject({ value: 'second', tier: 'l1' });
    expect(unwanted.count).toBe(0);
  });

  test('also when L1 holds nothing for longer than a moment', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ...defaults, l1Ttl: 0 } });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'first'));
    fleet.run(1_000);
    const loads = new HeldLoads<string>();
    const ask = (index: number) => fleet.settle(fleet.cache(index).getOrSet('k', loads.loader));
    expect([ask(0), ask(1)]).toEqual(['first', 'first']);
    fleet.run(5);
    loads.answer('second', 0);
    fleet.run(5);
    expect([ask(0), ask(1)]).toEqual(['second', 'second']);
    expect(loads.count).toBe(1);
  });

  test('waits between two tries when the refresh fails', () => {
    const fleet = withOldValue({ defaults });
    let tries = 0;
    const load = () => {
      tries += 1;
      return failing();
    };
    for (let round = 0; round < 100; round += 1) {
      expect(fleet.settle(fleet.cache().lookup('k', load))).toMatchObject({ value: 'first', state: 'stale' });
      fleet.run(5);
    }
    // 100 rounds are half a second: the shortest back-off.
    expect(tries).toBe(1);
    fleet.run(600);
    fleet.settle(fleet.cache().lookup('k', load));
    fleet.run(5);
    expect(tries).toBe(2);
  });

  test('ends with its window', () => {
    const fleet = withOldValue({ defaults });
    fleet.run(10_000);
    expect(fleet.settle(fleet.cache().lookup('k', () => 'second'))).toMatchObject({ value: 'second', tier: 'source' });
  });
});

describe('stale-if-error', () => {
  const defaults = { ttl: '1s', staleIfError: '10s' } as const;

  for (const tiers of ['l1', 'l1+l2', 'l1+l2+bus'] as const) {
    test(`answers the old value, flagged, when the source fails (${tiers})`, () => {
      const fleet = withOldValue({ tiers, defaults });
      const lookup = fleet.settle(fleet.cache().lookup('k', failing));
      expect(lookup).toMatchObject({ value: 'first', state: 'stale', steps: { source: { outcome: 'failed' } } });
      expect(fleet.member().failures).toMatchObject([{ error: DOWN, operation: 'load', tier: 'source', key: 'k' }]);
    });

    test(`waits between two tries (${tiers})`, () => {
      // The value is older than L1 may answer without asking, as most values are when a source fails.
      const fleet = withOldValue({ tiers, defaults: { ...defaults, l1Ttl: 500 } });
      let tries = 0;
      const load = () => {
        tries += 1;
        return failing();
      };
      const ask = () => fleet.settle(fleet.cache().lookup('k', load));
      expect(ask()).toMatchObject({ value: 'first', state: 'stale' });
      for (let round = 0; round < 50; round += 1)
        expect(ask()).toMatchObject({ value: 'first', state: 'stale', tier: 'l1' });
      expect(tries).toBe(1);
      fleet.run(1_000);
      expect(ask()).toMatchObject({ value: 'first', state: 'stale' });
      expect(tries).toBe(2);
      expect(fleet.settle(fleet.cache().getOrSet('k', () => 'unasked'))).toBe('first');
      fleet.run(1_000);
      expect(fleet.settle(fleet.cache().lookup('k', () => 'second'))).toMatchObject({
        value: 'second',
        state: 'fresh',
      });
    });
  }

  test('ends with its window: the error goes to the caller', () => {
    const fleet = withOldValue({ defaults });
    fleet.run(10_000);
    expect(fleet.failure(fleet.cache().getOrSet('k', failing))).toBe(DOWN);
  });

  test('waits between two tries also while Redis and the source are both away', () => {
    const fleet = withOldValue({ defaults });
    fleet.server.stop();
    fleet.run(3_000);
    let tries = 0;
    const load = () => {
      tries += 1;
      return failing();
    };
    for (let round = 0; round < 20; round += 1)
      expect(fleet.settle(fleet.cache().lookup('k', load))).toMatchObject({ value: 'first', state: 'stale' });
    expect(tries).toBe(1);
  });

  test('is not given where it was not asked for', () => {
    const fleet = new Fleet({ defaults: { ttl: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'rights'));
    fleet.server.stop();
    fleet.run(3_000);
    // The copy here is within its TTL, but nobody can tell whether it was revoked meanwhile.
    expect(fleet.failure(fleet.cache().getOrSet('k', failing))).toBe(DOWN);
  });

  test('of another instance serves too, through L2', () => {
    const fleet = new Fleet({ instances: 2, defaults });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'first'));
    fleet.run(1_500);
    expect(fleet.settle(fleet.cache(1).lookup('k', failing))).toMatchObject({
      value: 'first',
      state: 'stale',
      tier: 'l2',
    });
  });

  test('does not outlive the caller’s patience: a load that was aborted is no failure of the source', () => {
    const fleet = withOldValue({ defaults });
    const leaving = new AbortController();
    const loads = new HeldLoads<string>();
    const caller = watch(fleet.cache().getOrSet('k', loads.loader, { signal: leaving.signal }));
    fleet.run(5);
    leaving.abort(DOWN);
    expect(() => caller.value()).toThrow(DOWN);
    fleet.run(5);
    expect(fleet.member().failures).toEqual([]);
  });

  test('an old value whose tag, known from the value alone, was invalidated meanwhile answers no later caller', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '1m', staleIfError: '1m' } });
    const tagged: Loader<string> = ({ setTags }) => {
      setTags(['t']);
      return 'first';
    };
    fleet.settle(fleet.cache(0).getOrSet('k', tagged));
    fleet.settle(fleet.cache(0).expire('k'));
    // L2 has answered, and is not told of the invalidation before the load has failed.
    const reply = fleet.hold('reply', 'i1.data acquire k');
    fleet.hold('request', 'i1.data invalidate');
    const reading = watch(fleet.cache(1).getOrSet<string>('k', failing, { l2Timeout: 1_000 }));
    fleet.run(5);
    watch(fleet.cache(1).invalidate({ tags: ['t'] }));
    reply.open();
    fleet.run(100);
    expect(reading.value()).toBe('first');
    expect(() => fleet.settle(fleet.cache(1).getOrSet('k', failing))).toThrow(DOWN.message);
  });
});

describe('refresh-ahead', () => {
  const defaults = { ttl: '10s', refreshAhead: 0.8 } as const;

  test('refreshes behind a hit once the ratio of the TTL has passed, and not before', () => {
    const fleet = new Fleet({ defaults });
    let loads = 0;
    const load: Loader<number> = () => {
      loads += 1;
      return loads;
    };
    const ask = () => fleet.settle(fleet.cache().lookup('k', load));
    ask();
    fleet.run(7_990);
    expect(ask()).toMatchObject({ value: 1, tier: 'l1', state: 'fresh' });
    fleet.run(5);
    expect(loads).toBe(1);
    fleet.run(10);
    expect(ask()).toMatchObject({ value: 1, tier: 'l1', state: 'fresh', steps: { l1: { outcome: 'hit' } } });
    fleet.run(5);
    expect(ask()).toMatchObject({ value: 2, tier: 'l1', state: 'fresh' });
    expect(loads).toBe(2);
  });

  test('hides no value that is fresh from those who load nothing', () => {
    const fleet = new Fleet({ tiers: 'l1', defaults });
    fleet.settle(fleet.cache().getOrSet('k', () => 'first'));
    fleet.run(9_900);
    expect(fleet.cache().peek<string>('k')).toBe('first');
    expect(fleet.settle(fleet.cache().get<string>('k'))).toBe('first');
    expect(fleet.cache().stats().tiers.l1.hits).toBe(2);
    fleet.run(200);
    expect(fleet.cache().peek('k')).toBeUndefined();
    expect(fleet.settle(fleet.cache().get('k'))).toBeUndefined();
  });

  test('that fails leaves the value fresh until its TTL, and waits before the next try', () => {
    const fleet = new Fleet({ defaults: { ...defaults, staleIfError: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'first'));
    fleet.run(8_100);
    let tries = 0;
    const load = () => {
      tries += 1;
      return failing();
    };
    for (let round = 0; round < 50; round += 1) {
      expect(fleet.settle(fleet.cache().lookup('k', load))).toMatchObject({ value: 'first', state: 'fresh' });
      fleet.run(5);
    }
    expect(tries).toBe(1);
  });
});

describe('forceFresh', () => {
  test('loads although there is a value, and replaces it everywhere', () => {
    const fleet = new Fleet({ instances: 2 });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'first'));
    const lookup = fleet.settle(fleet.cache(0).lookup('k', () => 'second', { forceFresh: true }));
    expect(lookup).toMatchObject({
      value: 'second',
      tier: 'source',
      steps: { l1: { outcome: 'bypass', reason: 'force-fresh' } },
    });
    expect(fleet.cache(0).peek<string>('k')).toBe('second');
    expect(fleet.settle(fleet.join({}).cache.get('k'))).toBe('second');
  });

  test('never joins a load that is under way', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    const first = watch(fleet.cache().getOrSet('k', loads.loader));
    fleet.run(5);
    const second = watch(fleet.cache().getOrSet('k', loads.loader, { forceFresh: true }));
    fleet.run(5);
    expect(loads.count).toBe(2);
    loads.answer('newer', 1);
    fleet.run(5);
    expect(second.value()).toBe('newer');
    expect(first.state).toBe('pending');
    loads.answer('older', 0);
    fleet.run(5);
    expect(first.value()).toBe('older');
    // The older load ended last: it may not overwrite here what the newer one brought.
    expect(fleet.cache().peek<string>('k')).toBeUndefined();
  });

  test('that fails says so: the value that is there is not what was asked for', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 'first'));
    expect(fleet.failure(fleet.cache().getOrSet('k', failing, { forceFresh: true }))).toBe(DOWN);
    expect(fleet.settle(fleet.cache().lookup('k', failing))).toMatchObject({
      value: 'first',
      tier: 'l1',
      state: 'fresh',
    });
  });
});
