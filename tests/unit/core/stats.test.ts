import { describe, expect, test } from 'bun:test';
import { Counters } from '../../../src/core/model/counters.ts';
import { RecentInvalidations } from '../../../src/core/state/recent-invalidations.ts';
import { Fleet } from '../../support/core-fixture.ts';
import { HeldLoads } from '../../support/held-loads.ts';
import { watch } from '../../support/watch.ts';

describe('stats', () => {
  test('count what happened, by tier and by group', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '10s', staleWhileRevalidate: '1h' } });
    const read = (index: number, key: string) => fleet.settle(fleet.cache(index).getOrSet(key, () => 1));
    read(0, 'product:1');
    read(0, 'product:1');
    read(0, 'user:1');
    read(1, 'product:1');
    read(1, 'product:1');
    fleet.run(10_000);
    read(1, 'product:1');
    fleet.run(100);
    const stats = fleet.cache(1).stats();
    expect(stats).toMatchObject({ hits: 3, misses: 0, stale: 1, loads: 1, hitRate: 1 });
    expect(stats.tiers).toMatchObject({ l1: { hits: 1, stale: 1, entries: 1 }, l2: { hits: 1, stale: 0, errors: 0 } });
    expect(fleet.cache(0).stats()).toMatchObject({ hits: 1, misses: 2, loads: 2, hitRate: 1 / 3 });
    expect(
      fleet
        .cache(0)
        .stats()
        .groups.map(({ group, hits, misses }) => [group, hits, misses]),
    ).toEqual([
      ['product', 1, 1],
      ['user', 0, 1],
    ]);
  });

  test('count callers who joined, loads that failed, and answers that did', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<number>();
    const callers = [1, 2, 3].map(() => watch(fleet.cache().getOrSet('k', loads.loader)));
    fleet.run(5);
    loads.fail(new Error('down'));
    fleet.run(5);
    for (const caller of callers) expect(caller.state).toBe('rejected');
    expect(fleet.cache().stats()).toMatchObject({ loads: 1, loadErrors: 1, errors: 3, hitRate: 0 });
  });

  test('count no load as failed whose callers have left, or that the end of the cache or of a warm-up has cut short', () => {
    const ends: ((fleet: Fleet, load: () => Promise<number>) => void)[] = [
      (fleet, load) => {
        const leaving = new AbortController();
        watch(fleet.cache().getOrSet('k', load, { signal: leaving.signal }));
        fleet.run(5);
        leaving.abort();
      },
      (fleet, load) => {
        const stopping = new AbortController();
        watch(fleet.cache().warm([{ key: 'k', loader: load }], { signal: stopping.signal }));
        fleet.run(5);
        stopping.abort();
      },
      (fleet, load) => {
        watch(fleet.cache().getOrSet('k', load, { hardTimeout: Infinity }));
        fleet.run(5);
        watch(fleet.cache().close());
        fleet.run(30_000);
      },
    ];
    for (const end of ends) {
      const fleet = new Fleet();
      end(fleet, () => new Promise<number>(() => {}));
      fleet.run(5);
      const loaded = fleet.member().events.filter(({ type }) => type === 'load');
      expect(loaded).toMatchObject([{ type: 'load', givenUp: true }]);
      expect(fleet.cache().stats()).toMatchObject({ loads: 1, loadErrors: 0 });
    }
  });

  test('count a load as failed that was too slow for its last caller', () => {
    const fleet = new Fleet();
    const calling = watch(fleet.cache().getOrSet('k', () => new Promise<number>(() => {}), { hardTimeout: 50 }));
    fleet.run(100);
    expect(calling.state).toBe('rejected');
    expect(fleet.member().events).toContainEqual(expect.objectContaining({ type: 'load', givenUp: false }));
    expect(fleet.cache().stats()).toMatchObject({ loads: 1, loadErrors: 1 });
  });

  test('count errors of L2 apart from those of the source', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleIfError: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(1_000);
    fleet.settle(fleet.cache().getOrSet('k', (): Promise<number> => Promise.reject(new Error('down'))));
    expect(fleet.cache().stats().tiers.l2).toMatchObject({ errors: 0, timeouts: 0 });
    fleet.hold('request', ' acquire other');
    fleet.settle(fleet.cache().getOrSet('other', () => 1));
    expect(fleet.cache().stats().tiers.l2).toMatchObject({ errors: 1, timeouts: 1 });
  });

  test('say nothing of an L2 that is not there', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    expect(fleet.cache().stats().tiers).not.toHaveProperty('l2');
    expect(fleet.cache().health()).not.toHaveProperty('l2');
    expect(fleet.cache().health()).not.toHaveProperty('bus');
    expect(fleet.cache().health().l1).toMatchObject({ healthy: true, suspended: false });
  });
});

describe('misses of calls that load nothing', () => {
  /** What the cache of one member has counted. */
  const counted = (fleet: Fleet) => {
    const { hits, misses, unanswered, hitRate } = fleet.cache().stats();
    return { hits, misses, unanswered, hitRate };
  };

  for (const tiers of ['l1', 'l1+l2+bus'] as const) {
    test(`count with get, has and getMany (${tiers})`, () => {
      const fleet = new Fleet({ tiers });
      fleet.settle(fleet.cache().set('there', 1));
      fleet.settle(fleet.cache().get('there'));
      fleet.settle(fleet.cache().get('away'));
      expect(counted(fleet)).toEqual({ hits: 1, misses: 1, unanswered: 1, hitRate: 0.5 });
      fleet.settle(fleet.cache().has('away'));
      expect(counted(fleet)).toMatchObject({ hits: 1, misses: 2 });
      fleet.settle(fleet.cache().getMany(['there', 'away', 'away', 'far']));
      expect(counted(fleet)).toEqual({ hits: 2, misses: 4, unanswered: 4, hitRate: 1 / 3 });
    });
  }

  test('count with peek', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().set('there', 1));
    fleet.cache().peek('there');
    for (const key of ['a', 'a', 'b']) fleet.cache().peek(key);
    fleet.cache().peekLookup('c');
    expect(counted(fleet)).toEqual({ hits: 1, misses: 4, unanswered: 4, hitRate: 0.2 });
    expect(counted(fleet)).toMatchObject({ misses: 4 });
  });

  test('count once where another call for the key follows a peek', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(1).set('in-l2', 1));
    const ask = (key: string) => fleet.cache().peek(key) ?? fleet.settle(fleet.cache().getOrSet(key, () => 2));
    ask('cold');
    expect(counted(fleet)).toEqual({ hits: 0, misses: 1, unanswered: 0, hitRate: 0 });
    ask('in-l2');
    ask('cold');
    expect(counted(fleet)).toMatchObject({ hits: 2, misses: 1, unanswered: 0 });
    const keys = ['x', 'y'];
    for (const key of keys) fleet.cache().peek(key);
    fleet.settle(fleet.cache().getMany(keys));
    expect(counted(fleet)).toMatchObject({ hits: 2, misses: 3, unanswered: 2 });
    for (const key of keys) fleet.cache().peekLookup(key);
    fleet.settle(fleet.cache().getOrSetMany(keys, () => keys.map((key) => [key, 1] as const)));
    expect(counted(fleet)).toMatchObject({ misses: 5, unanswered: 2 });
  });

  test('of peek are remembered for few keys, and lost for none', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    const view = fleet.cache().namespace('n');
    for (let index = 0; index < 1_000; index += 1) view.peek(`product:${index}`);
    expect(fleet.cache().stats().groups).toMatchObject([{ group: 'product', misses: 1_000, hitRate: 0 }]);
  });
});

describe('the group of a key', () => {
  const groupsWith = (groupOf: (key: string) => string) => {
    const fleet = new Fleet({ tiers: 'l1', remake: (options) => ({ ...options, groupOf }) });
    for (const key of ['orders:eu:1', 'alice@example.com']) fleet.settle(fleet.cache().getOrSet(key, () => 1));
    return {
      groups: fleet
        .cache()
        .stats()
        .groups.map(({ group }) => group),
      cache: fleet.cache(),
    };
  };

  test('is what the option groupOf says', () => {
    const { groups, cache } = groupsWith((key) => (key.startsWith('orders:') ? 'orders:eu' : 'people'));
    expect(groups).toEqual(['orders:eu', 'people']);
    expect(cache.groupOf('alice@example.com')).toBe('people');
  });

  test.each([
    ['throws', () => raise(new Error('no group'))],
    ['says nothing', () => ''],
    ['says what is no text', () => 1 as unknown as string],
    ['says a text without an end', () => 'x'.repeat(2_000)],
  ])('is other where the option %s, and the read is none the worse', (_, groupOf) => {
    expect(groupsWith(groupOf).groups).toEqual(['other']);
  });

  test('is one of a hundred at most, for metrics too', () => {
    const fleet = new Fleet({ tiers: 'l1', remake: (options) => ({ ...options, groupOf: (key) => key }) });
    for (let index = 0; index < 300; index += 1) fleet.settle(fleet.cache().getOrSet(`k${index}`, () => 1));
    expect(fleet.cache().stats().groups.length).toBeLessThanOrEqual(101);
    expect(fleet.cache().groupOf('k0')).toBe('k0');
    expect(fleet.cache().groupOf('k299')).toBe('other');
  });
});

function raise(error: Error): never {
  throw error;
}

describe('what is kept for reports is bounded:', () => {
  test('groups of keys, however many there are', () => {
    const counters = new Counters();
    for (let index = 0; index < 5_000; index += 1) {
      const name = `${'abcdefghij'[index % 10]}${'klmnopqrst'[Math.floor(index / 10) % 10]}-${'x'.repeat(index % 30)}-${'yz'[index % 2]}`;
      counters.of(`${name}:${index}`).loads += 1;
      counters.of(String.fromCodePoint(0x4e00 + index)).loads += 1;
    }
    const groups = [...counters.groups()];
    expect(groups.length).toBeLessThanOrEqual(101);
    expect(groups.reduce((sum, { loads }) => sum + loads, 0)).toBe(10_000);
    expect(groups.find(({ group }) => group === 'other')?.loads).toBeGreaterThan(1_000);
  });

  test('the last invalidations', () => {
    let now = 0;
    const recent = new RecentInvalidations(() => now);
    for (; now < 3_000; now += 1) recent.note({ ids: [`k${now}`], tags: [] }, 'here');
    expect(recent.latest('k0', [])).toBeUndefined();
    expect(recent.latest('k2999', [])).toEqual({ ago: 1, by: 'key', origin: 'here' });
    expect(recent.latest('k2000', [])).toMatchObject({ ago: 1_000 });
  });
});
