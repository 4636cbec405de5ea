import { describe, expect, test } from 'bun:test';
import { cacheStatus } from '../../../../src/adapters/elysia/index.ts';
import type { Outbox } from '../../../../src/core/ports/outbox.ts';
import type { RemoteTier } from '../../../../src/core/ports/remote-tier.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

const away = (): Promise<never> => Promise.reject(new Error('The database is away'));

/** The database of a fleet: its outbox, and the loaders that ask it. */
class Database {
  isAway = false;

  /** The outbox as long as the database answers. */
  readonly outbox = (outbox: Outbox): Outbox =>
    new Proxy(outbox, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        const isQuery = name !== 'start' && name !== 'close' && name !== 'acknowledge';
        return (...given: unknown[]) => (this.isAway && isQuery ? away() : method.apply(target, given));
      },
    });

  load<V>(value: V): Promise<V> {
    return this.isAway ? away() : Promise.resolve(value);
  }
}

const KEYS = Array.from({ length: 50 }, (_, index) => `k${index}`);

const LONG = { defaults: { staleIfError: '1h', ttl: '1h' } } as const;

/** Two instances, one of which has loaded all keys; then the database goes away. */
function afterLoads(options: FleetOptions = LONG): { readonly fleet: Fleet; readonly database: Database } {
  const database = new Database();
  const fleet = new Fleet({ instances: 2, outbox: true, weakening: { outbox: database.outbox }, ...options });
  for (const key of KEYS) fleet.settle(fleet.cache(0).getOrSet(key, () => `value of ${key}`, { tags: ['t'] }));
  fleet.run(1_000);
  database.isAway = true;
  return { fleet, database };
}

/** The link of one instance is gone for two seconds. */
function blink(fleet: Fleet, index = 0): void {
  const { tier, bus, cache } = fleet.member(index);
  tier.disconnect();
  bus.disconnect();
  fleet.run(2_000);
  tier.reconnect();
  bus.reconnect();
  // The breaker has settled by then.
  fleet.run(2_500);
  expect(cache.health().l2?.healthy).toBe(false);
}

function flaggedOf(fleet: Fleet, index: number, keys: readonly string[] = KEYS): number {
  const looked = keys.map((key) => watch(fleet.cache(index).lookup<string>(key, away)));
  fleet.run(1_000);
  return looked.filter((each, at) => {
    if (each.state !== 'fulfilled') return false;
    const { value, state, ttl } = each.value();
    return state === 'stale' && ttl <= 0 && value === `value of ${keys[at]}`;
  }).length;
}

describe('while the database is away', () => {
  test('an instance whose link has blinked answers what L2 holds, flagged', () => {
    const { fleet } = afterLoads();
    blink(fleet);
    expect(flaggedOf(fleet, 0)).toBe(KEYS.length);
    const lookup = fleet.settle(fleet.cache(0).lookup('k0', away));
    expect(lookup).toMatchObject({ state: 'stale' });
    expect(cacheStatus(lookup)).toContain('fwd=stale');
    expect(cacheStatus(lookup)).toContain('detail=source-error');
  });

  test('an instance that starts answers what L2 holds, flagged, because a peer vouches for it', () => {
    const { fleet, database } = afterLoads();
    fleet.join({ ...LONG, outbox: true, weakening: { outbox: database.outbox } });
    expect(fleet.cache(2).health().l2?.healthy).toBe(false);
    expect(flaggedOf(fleet, 2)).toBe(KEYS.length);
  });

  test('so it does when its peers have gone', () => {
    const { fleet, database } = afterLoads();
    for (const { cache } of fleet.members) fleet.settle(cache.close());
    fleet.join({ ...LONG, outbox: true, weakening: { outbox: database.outbox } });
    expect(flaggedOf(fleet, 2)).toBe(KEYS.length);
  });

  test('an instance that starts reads nothing for which no peer vouches', () => {
    const { fleet, database } = afterLoads();
    fleet.join({ ...LONG, outbox: true, weakening: { outbox: database.outbox, tier: withoutVouching } });
    expect(flaggedOf(fleet, 2)).toBe(0);
  });

  test('a caller with a softTimeout is answered by then though the database hangs', () => {
    const { fleet } = afterLoads();
    blink(fleet);
    const asked = fleet.time.now;
    const looking = fleet.cache(0).lookup('k0', () => new Promise<string>(() => {}), { softTimeout: 20 });
    expect(fleet.settle(looking)).toMatchObject({ value: 'value of k0', state: 'stale', tier: 'l2' });
    expect(fleet.time.now - asked).toBeLessThan(25);
  });

  test('nothing is answered after another epoch', () => {
    const { fleet, database } = afterLoads();
    fleet.server.restart({ keepData: true });
    fleet.run(1_000);
    fleet.join({ ...LONG, outbox: true, weakening: { outbox: database.outbox } });
    for (const member of [0, 1, 2]) expect(flaggedOf(fleet, member)).toBe(0);
    fleet.run(6_000);
    for (const member of [0, 1, 2]) expect(flaggedOf(fleet, member)).toBe(0);
  });

  test('nothing is answered in another generation', () => {
    const { fleet } = afterLoads();
    const { tier, bus } = fleet.member(0);
    tier.disconnect();
    bus.disconnect();
    fleet.run(2_000);
    fleet.server.flush();
    fleet.run(6_000);
    tier.reconnect();
    bus.reconnect();
    fleet.run(2_500);
    fleet.settle(fleet.cache(1).set('k0', 'value of k0'));
    expect(flaggedOf(fleet, 0)).toBe(0);
  });

  test('nothing is answered without staleIfError, by the caller or of the value', () => {
    const { fleet } = afterLoads();
    fleet.settle(fleet.cache(1).set('unwilling', 'value of unwilling', { staleIfError: 0 }));
    blink(fleet);
    expect(flaggedOf(fleet, 0, ['unwilling'])).toBe(0);
    const failing = fleet.failure(fleet.cache(0).lookup('k0', away, { staleIfError: 0 }));
    expect(failing).toMatchObject({ message: 'The database is away' });
  });

  test('absence is no answer', () => {
    const { fleet, database } = afterLoads();
    database.isAway = false;
    fleet.settle(fleet.cache(1).getOrSet('absent', () => null, { negativeTtl: '1h' }));
    database.isAway = true;
    blink(fleet);
    expect(fleet.failure(fleet.cache(0).lookup('absent', away))).toMatchObject({ message: 'The database is away' });
  });

  test('what this instance has ended and could not tell is not answered', () => {
    const { fleet } = afterLoads();
    const { l2, cache } = fleet.member();
    l2.fail('denied', { only: 'invalidate' });
    fleet.failure(cache.delete('k0'));
    fleet.failure(cache.invalidate({ tags: ['other'] }));
    blink(fleet);
    expect(flaggedOf(fleet, 0, ['k0'])).toBe(0);
    expect(flaggedOf(fleet, 0, ['k1'])).toBe(1);
  });

  test('what a tag has ended is not answered', () => {
    const { fleet } = afterLoads();
    fleet.failure(fleet.cache(1).invalidate({ tags: ['t'] }));
    blink(fleet);
    expect(flaggedOf(fleet, 0)).toBe(0);
  });
});

describe('a value of L2 that is not repaired', () => {
  test('gives way to the source as soon as that answers, and is fresh nowhere meanwhile', () => {
    const { fleet, database } = afterLoads();
    blink(fleet);
    expect(flaggedOf(fleet, 0)).toBe(KEYS.length);
    // L1 is proven, and holds what has been answered.
    expect(fleet.cache(0).health().l1.suspended).toBe(false);
    expect(fleet.cache(0).peek('k0')).toBeUndefined();
    fleet.run(1_000);
    const loaded = fleet.settle(fleet.cache(0).lookup('k0', () => 'newer'));
    expect(loaded).toMatchObject({ value: 'newer', tier: 'source', state: 'fresh' });
    expect(cacheStatus(loaded)).toContain('tiercel-l2; fwd=bypass; detail=untrusted');
    database.isAway = false;
    fleet.run(3_000);
    expect(fleet.cache(0).health().l2?.healthy).toBe(true);
    expect(fleet.settle(fleet.cache(0).lookup('k1', away))).toMatchObject({ state: 'fresh', tier: 'l2' });
  });

  test('takes no lease and is not written: peers fill as before', () => {
    const { fleet } = afterLoads();
    blink(fleet);
    fleet.member(0).calls.length = 0;
    flaggedOf(fleet, 0, ['k0', 'missing']);
    const operations = new Set(fleet.member(0).calls.map(({ operation }) => operation));
    expect([...operations].sort()).toEqual(['read', 'tagGenerations']);
  });
});

/** Takes from heartbeats what peers have vouched for. */
function withoutVouching(tier: RemoteTier): RemoteTier {
  return overriding<RemoteTier>(tier, {
    heartbeat: async (...given) => ({ ...(await tier.heartbeat(...given)), isVouchedFor: false }),
  });
}
