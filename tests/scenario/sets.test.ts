import { describe, expect, test } from 'bun:test';
import type { RemoteTier } from '../../src/core/ports/remote-tier.ts';
import type { ReadOptions, TieredCache } from '../../src/index.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { Fleet } from '../support/core-fixture.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';
import { race, rule } from './race.ts';

const WRITE = 'i0.data write';

/** L2 may take so long that a test decides when it answers. */
const PATIENT = { defaults: { l2Timeout: 1_000 } } as const;

/** A caller who waits for no `set`: what it loads is as old as if it had given up waiting. */
const AT_ONCE = { forceFresh: true } as const;

describe('a load beside a set of its key, in one process', () => {
  race(
    'race 36, the loader ends before L2 has answered the set',
    rule('a set that leaves to L1 what a faster load has stored there'),
    (start) => {
      const fleet = start(PATIENT);
      const reply = fleet.hold('reply', WRITE);
      const setting = watch(fleet.cache().set('k', 'new'));
      fleet.run(5);
      expect(fleet.settle(fleet.cache().getOrSet('k', () => 'old', AT_ONCE))).toBe('old');
      reply.open();
      fleet.run(5);
      expect(setting.value()).toBe(true);
      return fleet.settle(fleet.cache().getOrSet('k', () => 'loaded again'));
    },
  );

  race(
    'race 36, the loader ends after the set',
    rule('a set that takes no right from the loads beside it'),
    (start) => {
      const fleet = start(PATIENT);
      const request = fleet.hold('request', WRITE);
      const loads = new HeldLoads<string>();
      const setting = watch(fleet.cache().set('k', 'new'));
      watch(fleet.cache().getOrSet('k', loads.loader, AT_ONCE));
      fleet.run(5);
      expect(loads.count).toBe(1);
      request.open();
      fleet.run(5);
      expect(setting.value()).toBe(true);
      loads.answer('old');
      fleet.run(5);
      return fleet.settle(fleet.cache().getOrSet('k', () => 'loaded again'));
    },
  );

  test('leaves nothing in L1, whatever comes of the set', () => {
    const outcomes: Readonly<Record<string, (fleet: Fleet) => Promise<unknown>>> = {
      'stored with a version': (fleet) => fleet.cache().set('k', 'set', { version: 9 }),
      'refused as older': (fleet) => fleet.cache().set('k', 'set', { version: 1 }),
      'of many': (fleet) => fleet.cache().setMany([['k', 'set']]),
      'not in time': (fleet) => fleet.cache().set('k', 'set'),
      'without a lifetime': (fleet) => fleet.cache().set('k', 'set', { ttl: 0 }),
    };
    for (const [outcome, set] of Object.entries(outcomes)) {
      const fleet = new Fleet({ defaults: { l2Timeout: outcome === 'not in time' ? 20 : 1_000 } });
      fleet.settle(fleet.cache().set('k', 'before', { version: 5 }));
      const reply = fleet.hold('reply', outcome === 'without a lifetime' ? 'i0.data invalidate' : WRITE);
      const setting = watch(set(fleet));
      fleet.run(5);
      expect([outcome, fleet.settle(fleet.cache().getOrSet('k', () => 'loaded', AT_ONCE))]).toEqual([
        outcome,
        'loaded',
      ]);
      expect([outcome, fleet.cache().peek<string>('k')]).toEqual([outcome, undefined]);
      fleet.run(20);
      reply.open();
      fleet.run(5);
      expect([outcome, setting.state]).toEqual([outcome, 'fulfilled']);
      expect([outcome, fleet.cache().peek<string>('k')]).toEqual([outcome, undefined]);
    }
  });

  test('leaves the value of the set in L2', () => {
    const fleet = new Fleet({ instances: 2, ...PATIENT });
    const reply = fleet.hold('reply', WRITE);
    watch(fleet.cache(0).set('k', 'set'));
    fleet.run(5);
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'loaded', AT_ONCE));
    reply.open();
    fleet.run(5);
    for (const index of [0, 1]) expect(fleet.settle(fleet.cache(index).get<string>('k'))).toBe('set');
  });
});

test('two sets of one key in one process, of which L2 takes the first last, leave in L1 what L2 holds', () => {
  const held = Promise.withResolvers<void>();
  const tier = (given: RemoteTier): RemoteTier =>
    overriding(given, {
      write: async (request) => {
        if (String(request.body).includes('first')) await held.promise;
        return given.write(request);
      },
    });
  const fleet = new Fleet({ ...PATIENT, weakening: { tier } });
  const first = watch(fleet.cache().set('k', 'first'));
  fleet.settle(fleet.cache().set('k', 'second'));
  held.resolve();
  fleet.run(5);
  expect(first.value()).toBe(true);
  expect(fleet.settle(fleet.cache().getOrSet('k', () => 'loaded'))).toBe('first');
});

describe('readers of a key that is set', () => {
  const reads: Readonly<Record<string, (fleet: Fleet, load: () => string) => Promise<unknown>>> = {
    getOrSet: (fleet, load) => fleet.cache().getOrSet('k', load),
    lookup: async (fleet, load) => (await fleet.cache().lookup('k', load)).value,
    getOrSetMany: async (fleet, load) =>
      (await fleet.cache().getOrSetMany(['k'], ({ keys }) => keys.map((key) => [key, load()] as const)))[0],
    get: (fleet) => fleet.cache().get('k'),
    getMany: async (fleet) => (await fleet.cache().getMany(['k']))[0],
    warm: async (fleet, load) => {
      await fleet.cache().warm([{ key: 'k', loader: load }]);
      return fleet.cache().peek('k');
    },
  };

  for (const [name, read] of Object.entries(reads)) {
    test(`wait for it and load nothing: ${name}`, () => {
      const fleet = new Fleet();
      let loads = 0;
      const load = (): string => {
        loads += 1;
        return 'loaded';
      };
      const setting = watch(fleet.cache().set('k', 'set'));
      const reading = watch(read(fleet, load));
      fleet.run(5);
      expect([setting.value(), reading.value(), loads]).toEqual([true, 'set', 0]);
    });
  }

  test('cost no load for each of forty sets', () => {
    const fleet = new Fleet();
    let loads = 0;
    const answers: unknown[] = [];
    const run = async (): Promise<void> => {
      for (let value = 0; value < 40; value += 1) {
        const setting = fleet.cache().set('hot', value);
        const reading = fleet.cache().getOrSet('hot', () => {
          loads += 1;
          return -1;
        });
        await setting;
        answers.push(await reading);
      }
    };
    fleet.settle(run());
    expect([loads, answers]).toEqual([0, Array.from({ length: 40 }, (_, value) => value)]);
  });

  test('are answered between two sets that follow each other', () => {
    const fleet = new Fleet();
    let loads = 0;
    const sets = (async () => {
      for (let value = 0; value < 200; value += 1) await fleet.cache().set('hot', value);
    })();
    const reading = watch(
      fleet.cache().getOrSet('hot', () => {
        loads += 1;
        return -1;
      }),
    );
    fleet.run(3);
    expect([reading.state, loads]).toEqual(['fulfilled', 0]);
    fleet.settle(sets);
  });

  test('read the newer value after a set that was refused as older', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().set('k', 'newer', { version: 5 }));
    const setting = watch(fleet.cache().set('k', 'older', { version: 1 }));
    const reading = watch(fleet.cache().getOrSet('k', () => 'loaded'));
    fleet.run(5);
    expect([setting.value(), reading.value()]).toEqual([false, 'newer']);
  });

  test('wait no longer than L2 may take; then they load, and nothing stores what they load', () => {
    const fleet = new Fleet(PATIENT);
    const reply = fleet.hold('reply', WRITE);
    const setting = watch(fleet.cache().set('k', 'set'));
    const reading = watch(fleet.cache().getOrSet('k', () => 'loaded', { l2Timeout: 40 }));
    fleet.run(39);
    expect(reading.state).toBe('pending');
    fleet.run(2);
    expect(reading.value()).toBe('loaded');
    expect(fleet.cache().peek<string>('k')).toBeUndefined();
    reply.open();
    fleet.run(5);
    expect(setting.value()).toBe(true);
    expect(fleet.settle(fleet.cache().getOrSet('k', () => 'loaded again'))).toBe('set');
  });

  test('wait no longer than softTimeout, hardTimeout and signal allow', () => {
    const fleet = new Fleet({ defaults: { l2Timeout: 5_000 } });
    fleet.hold('reply', WRITE);
    watch(fleet.cache().set('k', 'set'));
    const leaving = new AbortController();
    const read = (options: ReadOptions<string>) => watch(fleet.cache().getOrSet('k', () => 'loaded', options));
    const soft = read({ softTimeout: 10 });
    const hard = read({ hardTimeout: 20 });
    const left = read({ signal: leaving.signal });
    fleet.run(11);
    expect([soft.state, hard.state]).toEqual(['fulfilled', 'pending']);
    fleet.run(10);
    expect(hard.state).not.toBe('pending');
    leaving.abort(new Error('enough'));
    expect(() => left.value()).toThrow('enough');
  });

  test('are not held by a set whose answer never comes, however many there are', () => {
    const fleet = new Fleet({ defaults: { l2Timeout: 10_000 } });
    const gate = fleet.hold('reply', WRITE);
    watch(fleet.cache().set('k', 'set'));
    const loads = new HeldLoads<string>();
    const readers = Array.from({ length: 100 }, () =>
      watch(fleet.cache().getOrSet('k', loads.loader, { l2Timeout: 50 })),
    );
    fleet.run(60);
    expect(loads.count).toBe(1);
    loads.answer('loaded');
    fleet.run(5);
    expect(readers.map((reader) => reader.value())).toEqual(readers.map(() => 'loaded'));
    gate.open();
  });
});

test('a stale answer starts no refresh while its key is set', () => {
  const fleet = new Fleet({ instances: 2, defaults: { ttl: 100, staleWhileRevalidate: '1h', l2Timeout: 1_000 } });
  fleet.settle(fleet.cache(1).getOrSet('k', () => 'old'));
  fleet.run(200);
  const reply = fleet.hold('reply', 'i0.data acquire k');
  const loads = new HeldLoads<string>();
  const reading = watch(fleet.cache(0).getOrSet('k', loads.loader));
  fleet.run(5);
  const request = fleet.hold('request', WRITE);
  watch(fleet.cache(0).set('k', 'set'));
  reply.open();
  fleet.run(5);
  expect([reading.value(), loads.count]).toEqual(['old', 0]);
  request.open();
});

describe('the value of a set is that of the moment of the call', () => {
  test.each<[string, boolean, (cache: TieredCache, entries: [string, object][]) => Promise<unknown>]>([
    ['set, before L2 is heard of', false, (cache, entries) => cache.setMany(entries)],
    ['set, with tags that are not known', true, (cache, entries) => cache.setMany(entries, { tags: ['new'] })],
    ['set, when all is known', true, (cache, entries) => cache.setMany(entries)],
  ])('%s', (_, warm, setMany) => {
    const fleet = new Fleet({ warm });
    const row = { id: 0 };
    const many = watch(setMany(fleet.cache(), [['many', row]]));
    const settings = [1, 2, 3].map((id) => {
      row.id = id;
      return watch(fleet.cache().set(`row:${id}`, row));
    });
    row.id = 9;
    fleet.run(2_000);
    for (const setting of [many, ...settings]) expect(setting.state).toBe('fulfilled');
    const stored = fleet.settle(fleet.cache().getMany<{ id: number }>(['many', 'row:1', 'row:2', 'row:3']));
    expect(stored.map((each) => each?.id)).toEqual([0, 1, 2, 3]);
  });
});

describe('a set with a version, without an L2', () => {
  test('is refused while L1 holds a greater one', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    const set = (value: string, version: number) => fleet.settle(fleet.cache().set('k', value, { version }));
    expect([set('five', 5), set('four', 4), fleet.cache().peek<string>('k')]).toEqual([true, false, 'five']);
    expect([set('five again', 5), set('six', 6), fleet.cache().peek<string>('k')]).toEqual([true, true, 'six']);
  });

  test('is taken after the greater one was deleted', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    fleet.settle(fleet.cache().set('k', 'five', { version: 5 }));
    fleet.settle(fleet.cache().delete('k'));
    expect(fleet.settle(fleet.cache().set('k', 'four', { version: 4 }))).toBe(true);
  });
});
