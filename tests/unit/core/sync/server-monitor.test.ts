import { describe, expect, test } from 'bun:test';
import { toId } from '../../../../src/core/model/key.ts';
import { RemoteError, type RemoteTier } from '../../../../src/core/ports/remote-tier.ts';
import type { RemoteInfo } from '../../../../src/core/ports/server-info.ts';
import { EvictedGroups } from '../../../../src/core/sync/server-monitor.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

type Info = () => Promise<RemoteInfo>;

/** A fleet whose looks at the server are counted, and changed by `given`; the server may evict unless that says no. */
function looked(options: FleetOptions & { given?: (info: Info) => Promise<RemoteInfo> } = {}) {
  const { given = limited(1_000_000), ...rest } = options;
  const looks: true[] = [];
  let listener: Parameters<RemoteTier['watchEvictions']>[0];
  const fleet = new Fleet({
    ...rest,
    weakening: {
      tier: (tier) =>
        overriding(tier, {
          info: () => {
            looks.push(true);
            return given(() => tier.info());
          },
          watchEvictions: (onEvicted) => {
            listener = onEvicted;
            tier.watchEvictions(onEvicted);
          },
        }),
    },
  });
  return {
    fleet,
    looks,
    l2: () => fleet.cache().health().l2,
    events: (type: string) => fleet.member().events.filter((event) => event.type === type),
    hear: (id: string) => listener?.(id),
    isListening: () => listener !== undefined,
  };
}

function limited(limitBytes: number, evictionPolicy = 'allkeys-lru') {
  return async (info: Info): Promise<RemoteInfo> => {
    const { memory, ...rest } = await info();
    return { ...rest, memory: { ...memory, limitBytes, evictionPolicy } };
  };
}

/** Somebody asks now and then, as long as that goes on. */
function inUse(fleet: Fleet, ms: number): void {
  for (let passed = 0; passed < ms; passed += 500) {
    for (const { cache } of fleet.members) watch(cache.get('in use'));
    fleet.run(500);
  }
}

/** Fills keys that the server then evicts. */
function evict(fleet: Fleet, keys: readonly string[]): void {
  for (const key of keys) fleet.settle(fleet.cache().set(key, 1));
  for (const name of fleet.server.names()) if (keys.some((key) => name.endsWith(` ${key}`))) fleet.server.evict(name);
}

describe('the server is looked at', () => {
  test('at first contact, then about every five seconds while the cache is used', () => {
    const { fleet, looks, l2 } = looked();
    expect(looks).toHaveLength(1);
    expect(l2()?.server?.version).toBe('memory');
    inUse(fleet, 60_000);
    expect(looks.length).toBeWithin(12, 17);
    expect(l2()?.serverAgeMs).toBeWithin(0, 5_100);
    expect(fleet.cache().stats().tiers.l2?.server).toEqual(l2()?.server);
  });

  test('no more while no caller uses the cache, and is left to rest', () => {
    const { fleet, looks, l2 } = looked();
    fleet.run(30_000);
    const before = looks.length;
    fleet.run(600_000);
    expect(looks).toHaveLength(before);
    expect(l2()?.serverAgeMs).toBeGreaterThan(500_000);
    watch(fleet.cache().get('again'));
    inUse(fleet, 6_000);
    expect(looks.length).toBeWithin(before + 1, before + 3);
  });

  test('not while it is away, and by a fleet not at once when it is back', () => {
    const { fleet, looks } = looked({ instances: 20 });
    inUse(fleet, 6_000);
    fleet.server.stop();
    inUse(fleet, 2_000);
    looks.length = 0;
    inUse(fleet, 10_000);
    expect(looks).toEqual([]);
    fleet.server.restart({ keepData: true });
    inUse(fleet, 2_000);
    expect(looks.length).toBeLessThan(14);
    inUse(fleet, 6_000);
    expect(looks.length).toBeGreaterThanOrEqual(20);
  });

  test('without a word for the breaker: a silent answer delays nothing and counts as nothing', () => {
    const { fleet, events, l2 } = looked({ given: () => new Promise(() => {}) });
    inUse(fleet, 30_000);
    expect(l2()).toMatchObject({ breaker: 'closed', healthy: true, server: undefined, serverAgeMs: undefined });
    expect(fleet.cache().stats().tiers.l2).toMatchObject({ errors: 0, timeouts: 0 });
    expect(events('alarm')).toEqual([]);
    expect(fleet.settle(fleet.cache().close())).toBeUndefined();
  });

  test.each([
    ['denied', 'alarm'],
    ['error', 'tier_failure'],
  ] as const)('seldom, after it has refused (%s), which is said once', (failure, type) => {
    const { fleet, looks, events, l2 } = looked({
      given: () => Promise.reject(new RemoteError(failure, 'no')),
      warm: false,
    });
    inUse(fleet, 290_000);
    // Once, and again after five minutes that may be shorter by a quarter.
    expect(looks.length).toBeWithin(1, 3);
    inUse(fleet, 300_000);
    expect(looks.length).toBeWithin(2, 5);
    expect(events(type)).toHaveLength(1);
    expect(l2()?.breaker).toBe('closed');
  });
});

describe('an eviction', () => {
  test('is told of with its key groups at the next look, and counted', () => {
    const { fleet, events, l2 } = looked();
    inUse(fleet, 6_000);
    evict(fleet, ['product:1', 'product:2', 'bom:1']);
    for (let step = 0; step < 12 && events('eviction').length === 0; step += 1) inUse(fleet, 500);
    expect(events('eviction')).toEqual([{ type: 'eviction', count: 3, groups: { product: 2, bom: 1 } }]);
    expect(fleet.cache().stats().tiers.l2?.evictions).toBe(3);
    expect(l2()?.isEvicting).toBe(true);
    inUse(fleet, 6_000);
    expect(events('eviction')).toHaveLength(1);
    expect(l2()?.isEvicting).toBe(false);
  });

  test('from before the first look is no news, and neither is another run of the server', () => {
    const { fleet, events } = looked({ warm: false });
    fleet.server.evict('nothing');
    inUse(fleet, 6_000);
    fleet.server.restart({ keepData: true });
    for (let index = 0; index < 10; index += 1) fleet.server.evict('nothing');
    inUse(fleet, 20_000);
    expect(events('eviction')).toEqual([]);
  });

  test('counts from 0 after the number was set back', () => {
    let evictedKeys = 100;
    const { fleet, events } = looked({
      given: async (info) => {
        const said = await info();
        return { ...said, commands: { ...said.commands, evictedKeys } };
      },
    });
    inUse(fleet, 6_000);
    evictedKeys = 7;
    inUse(fleet, 6_000);
    expect(events('eviction')).toEqual([{ type: 'eviction', count: 7, groups: {} }]);
  });

  test.each([
    ['without a limit', limited(Infinity), false],
    ['with noeviction', limited(1_000, 'noeviction'), false],
    ['otherwise', limited(1_000), true],
  ])('is listened for, or not, %s', (_what, given, expected) => {
    const { fleet, isListening } = looked({ given });
    inUse(fleet, 6_000);
    expect(isListening()).toBe(expected);
  });

  test('of many is not listened to any more until the next look', () => {
    const { fleet, events, hear, isListening } = looked();
    for (let index = 0; index < 6_000; index += 1) hear(`product:${index}`);
    expect(isListening()).toBe(false);
    fleet.server.evict('nothing');
    inUse(fleet, 6_000);
    expect(isListening()).toBe(true);
    expect(events('eviction')).toEqual([{ type: 'eviction', count: 1, groups: { product: 5_000 } }]);
  });
});

test.each([
  [900, 1_000, true],
  [899, 1_000, false],
  [900, Infinity, false],
])('%d bytes of %d are near the limit: %p', (usedBytes, limitBytes, expected) => {
  const { l2 } = looked({
    given: async (info) => {
      const said = await info();
      return { ...said, memory: { ...said.memory, usedBytes, limitBytes } };
    },
  });
  expect(l2()?.isMemoryNearLimit).toBe(expected);
});

describe('key groups', () => {
  test('are counted across namespaces, the greatest twenty told of', () => {
    const groups = new EvictedGroups();
    for (let group = 0; group < 30; group += 1) {
      const name = String.fromCharCode(97 + (group % 26)).repeat(1 + Math.floor(group / 26));
      for (let index = 0; index <= group; index += 1) groups.note(toId('tenant', `${name}:${index}`));
    }
    const told = groups.take();
    expect(Object.keys(told)).toHaveLength(20);
    expect(told).toMatchObject({ dd: 30, cc: 29, k: 11 });
    expect(groups.take()).toEqual({});
  });

  test('stay few, however keys are made', () => {
    const groups = new EvictedGroups();
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    for (const a of letters) for (const b of letters) groups.note(`${a}${b}:1`);
    groups.note('__proto__:1');
    expect(groups.noted).toBe(677);
    expect(groups.take().other).toBe(477);
  });
});
