import { describe, expect, test } from 'bun:test';
import type { TieredCache } from '../../src/index.ts';
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
    for (const index of [0, 7]) fleet.settle(fleet.cache(index).getOrSet('k', () => 'kept', { tags: ['t'] }));
    return fleet;
  };

  test('goes without L2, and does not wait for it', () => {
    const fleet = nine();
    const ninth = fleet.join({ version: '9' });
    const began = fleet.time.now;
    expect(fleet.settle(ninth.cache.lookup('k', () => 'loaded'))).toMatchObject({ value: 'loaded', tier: 'source' });
    expect(fleet.time.now - began).toBeLessThan(5);
    expect(fleet.settle(ninth.cache.get<string>('k'))).toBe('loaded');
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('kept');
  });

  const orders: Readonly<Record<string, (cache: TieredCache) => Promise<unknown>>> = {
    delete: (cache) => cache.delete('k'),
    expire: (cache) => cache.expire('k'),
    'an invalidation by tag': (cache) => cache.invalidate({ tags: ['t'] }),
    'an invalidation by pattern': (cache) => cache.invalidate({ pattern: 'k*' }),
    clear: (cache) => cache.clear(),
  };
  for (const [name, order] of Object.entries(orders)) {
    test(`${name} by it is acknowledged, and reaches the others`, () => {
      const fleet = nine();
      const ninth = fleet.join({ version: '9' });
      fleet.settle(order(ninth.cache));
      fleet.run(5);
      expect(ninth.cache.health().pending).toMatchObject({ keys: 0, tags: 0, patterns: 0, all: false });
      for (const index of [0, 7]) expect(fleet.settle(fleet.cache(index).getOrSet('k', () => 'new'))).toBe('new');
    });
  }

  test('a set by it is an invalidation to the others, at its next heartbeat', () => {
    const fleet = nine();
    const ninth = fleet.join({ version: '9' });
    expect(fleet.settle(ninth.cache.set('k', 'mine'))).toBe(false);
    fleet.run(600);
    expect(ninth.cache.health().pending).toMatchObject({ keys: 0 });
    expect(fleet.settle(fleet.cache(0).get('k'))).toBeUndefined();
  });

  test('an order of it that L2 has refused once is delivered at its next heartbeat', () => {
    const fleet = nine();
    const ninth = fleet.join({ version: '9' });
    ninth.l2.fail('error', { only: 'invalidate', times: 1 });
    expect(fleet.failure(ninth.cache.delete('k'))).toMatchObject({ code: 'INVALIDATION_PENDING' });
    fleet.run(600);
    expect(fleet.settle(fleet.cache(0).get('k'))).toBeUndefined();
  });

  test('raises one alarm that says what is the matter', () => {
    const fleet = new Fleet({
      warm: false,
      weakening: {
        tier: (tier) =>
          overriding(tier, {
            heartbeat: async (...given) => {
              const heartbeat = await tier.heartbeat(...given);
              return { ...heartbeat, hasPlace: heartbeat.generation === undefined };
            },
          }),
      },
    });
    fleet.run(5_000);
    const alarms = fleet.member().events.filter(({ type }) => type === 'alarm');
    expect(alarms).toMatchObject([{ error: { message: expect.stringContaining('eight other versions') } }]);
  });

  test('gives the places out anew when the generation is ten minutes old', () => {
    const fleet = nine();
    const ninth = fleet.join({ version: '9' });
    fleet.run(11 * MINUTE);
    expect(ninth.cache.health()).toMatchObject({ l2: { healthy: true } });
    expect(fleet.settle(fleet.cache(0).get('k'))).toBeUndefined();
  });

  test('does so after ten minutes as well where another program has written a generation of any age', () => {
    const fleet = nine();
    const { tier } = fleet.member();
    const { epoch } = fleet.server;
    const { generation, time } = fleet.settle(tier.heartbeat('other', 'n'));
    fleet.settle(tier.agreeGeneration(epoch, 'future', generation, time + 24 * 60 * MINUTE));
    for (const { cache } of fleet.members) fleet.settle(cache.get('k'));
    fleet.run(1_000);
    const ninth = fleet.join({ version: '9' });
    expect(ninth.cache.health()).toMatchObject({ l2: { healthy: false } });
    fleet.run(11 * MINUTE);
    expect(ninth.cache.health()).toMatchObject({ l2: { healthy: true } });
  });
});

describe('a version that loses its place, which another program must have taken', () => {
  /** A fleet of one in which the record of the generation forgets its version, once and again at each call of the second. */
  function robbed(): { readonly fleet: Fleet; readonly rob: () => void } {
    const lost = { in: undefined as string | undefined, next: false };
    const fleet = new Fleet({
      weakening: {
        tier: (tier) =>
          overriding(tier, {
            heartbeat: async (...given) => {
              const heartbeat = await tier.heartbeat(...given);
              if (lost.next) lost.in = heartbeat.generation;
              lost.next = false;
              return { ...heartbeat, hasPlace: heartbeat.hasPlace && heartbeat.generation !== lost.in };
            },
          }),
      },
    });
    return {
      fleet,
      rob: () => {
        lost.next = true;
      },
    };
  }

  test('begins a new generation at once, and says so', () => {
    const { fleet, rob } = robbed();
    const { cache, events } = fleet.member();
    fleet.settle(cache.getOrSet('k', () => 'old'));
    rob();
    fleet.run(1_500);
    expect(cache.health()).toMatchObject({ l2: { healthy: true } });
    expect(fleet.settle(cache.lookup('k', () => 'new'))).toMatchObject({ value: 'new' });
    const alarms = events.filter(({ type }) => type === 'alarm');
    expect(alarms).toMatchObject([{ error: { message: expect.stringContaining('something else than Tiercel') } }]);
  });

  test('does so once a minute at most, and tells its orders meanwhile', () => {
    const { fleet, rob } = robbed();
    const { cache } = fleet.member();
    for (let second = 0; second < 10; second += 1) {
      rob();
      fleet.run(1_000);
      fleet.settle(cache.delete('k'));
    }
    expect(cache.health()).toMatchObject({ l2: { healthy: false } });
    fleet.run(MINUTE);
    expect(cache.health()).toMatchObject({ l2: { healthy: true } });
  });
});
