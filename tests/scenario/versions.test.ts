import { describe, expect, test } from 'bun:test';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { Fleet } from '../support/core-fixture.ts';

const MINUTE = 60_000;

/** Two instances of each of two versions. */
function rollingDeploy(): Fleet {
  const fleet = new Fleet({ instances: 2, version: '1' });
  for (let index = 0; index < 2; index += 1) fleet.join({ version: '2' });
  return fleet;
}

describe('two versions side by side', () => {
  test('load each key once for each version, and raise no alarm', () => {
    const fleet = rollingDeploy();
    let loads = 0;
    const keys = ['a', 'b', 'c', 'd', 'e'];
    for (let second = 0; second < 6; second += 1) {
      for (const { cache } of fleet.members)
        for (const key of keys) fleet.settle(cache.getOrSet(key, () => ++loads, { l1Ttl: 100 }));
      fleet.run(1_000);
    }
    expect(loads).toBe(2 * keys.length);
    for (const { events, failures } of fleet.members) {
      expect(events.filter(({ type }) => type === 'alarm')).toEqual([]);
      expect(failures).toEqual([]);
    }
  });

  const orders: Readonly<Record<string, (fleet: Fleet) => Promise<unknown>>> = {
    delete: (fleet) => fleet.cache(0).delete('k'),
    expire: (fleet) => fleet.cache(0).expire('k'),
    'an invalidation by tag': (fleet) => fleet.cache(0).invalidate({ tags: ['t'] }),
    'an invalidation by pattern': (fleet) => fleet.cache(0).invalidate({ pattern: 'k*' }),
    clear: (fleet) => fleet.cache(0).clear(),
    set: (fleet) => fleet.cache(0).set('k', 'new'),
  };
  for (const [name, order] of Object.entries(orders)) {
    test(`${name} by the one ends what the other has stored`, () => {
      const fleet = rollingDeploy();
      for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old', { tags: ['t'] }));
      fleet.settle(order(fleet));
      fleet.run(10);
      for (const index of [2, 3]) expect(fleet.settle(fleet.cache(index).getOrSet('k', () => 'new'))).toBe('new');
    });
  }

  test('an invalidation reaches a version whose instances rest, and they find it when they come back', () => {
    const fleet = rollingDeploy();
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old'));
    // Those of version 2 rest; the others are used all the while.
    for (let second = 0; second < 60; second += 1) {
      fleet.run(1_000);
      fleet.settle(fleet.cache(0).get('k'));
    }
    expect(fleet.cache(2).health().bus?.proofAgeMs).toBeGreaterThan(MINUTE / 2);
    fleet.settle(fleet.cache(0).delete('k'));
    expect(fleet.settle(fleet.cache(2).get('k'))).toBeUndefined();
  });

  test('a load of one version that an invalidation by the other has met is stored nowhere', () => {
    const fleet = rollingDeploy();
    const loaded = Promise.withResolvers<string>();
    const load = fleet.cache(2).getOrSet('k', () => loaded.promise);
    fleet.run(10);
    fleet.settle(fleet.cache(0).delete('k'));
    loaded.resolve('old');
    expect(fleet.settle(load)).toBe('old');
    expect(fleet.settle(fleet.cache(3).get('k'))).toBeUndefined();
  });

  test('an outbox delivers a change to both', () => {
    const fleet = new Fleet({ version: '1', outbox: true });
    fleet.join({ version: '2', outbox: true });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old'));
    fleet.database.commit({ ids: ['k'], tags: [] });
    fleet.run(100);
    for (const { cache } of fleet.members) expect(fleet.settle(cache.get('k'))).toBeUndefined();
  });

  test('a history that an outbox repairs has both versions, without what was changed since', () => {
    const fleet = new Fleet({ version: '1', outbox: true });
    fleet.join({ version: '2', outbox: true });
    for (const { cache } of fleet.members)
      for (const key of ['changed', 'kept']) fleet.settle(cache.getOrSet(key, () => 'old'));
    fleet.run(600);
    const snapshot = fleet.server.snapshot();
    fleet.database.commit({ ids: ['changed'], tags: [] });
    fleet.run(100);
    fleet.server.restart({ from: snapshot });
    fleet.run(600);
    for (const { cache } of fleet.members) {
      expect(fleet.settle(cache.get('changed'))).toBeUndefined();
      expect(fleet.settle(cache.get<string>('kept'))).toBe('old');
    }
  });
});

describe('a ninth version', () => {
  const nine = (): Fleet => {
    const fleet = new Fleet({ version: '1' });
    for (let version = 2; version <= 8; version += 1) fleet.join({ version: String(version) });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'kept'));
    return fleet;
  };

  test('goes without L2, and its invalidations are pending', () => {
    const fleet = nine();
    const ninth = fleet.join({ version: '9' });
    expect(fleet.settle(ninth.cache.getOrSet('k', () => 'loaded'))).toBe('loaded');
    expect(fleet.failure(ninth.cache.delete('k'))).toMatchObject({ code: 'INVALIDATION_PENDING' });
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('kept');
  });

  test('raises one alarm that says what is the matter', () => {
    const places = { taken: false };
    const fleet = new Fleet({
      weakening: {
        tier: (tier) =>
          overriding(tier, {
            heartbeat: async (...given) => {
              const heartbeat = await tier.heartbeat(...given);
              return { ...heartbeat, hasPlace: heartbeat.hasPlace && !places.taken };
            },
          }),
      },
    });
    places.taken = true;
    fleet.run(5_000);
    const alarms = fleet.member().events.filter(({ type }) => type === 'alarm');
    expect(alarms).toMatchObject([{ error: { message: expect.stringContaining('eight other versions') } }]);
  });

  test('gives the places out anew when the generation is ten minutes old, and what it owed is told', () => {
    const fleet = nine();
    const ninth = fleet.join({ version: '9' });
    expect(fleet.failure(ninth.cache.delete('k'))).toMatchObject({ code: 'INVALIDATION_PENDING' });
    fleet.run(11 * MINUTE);
    expect(ninth.cache.health()).toMatchObject({ l2: { healthy: true }, pending: { keys: 0 } });
    expect(fleet.settle(fleet.cache(0).get('k'))).toBeUndefined();
  });
});
