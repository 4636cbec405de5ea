import { describe, expect, test } from 'bun:test';
import type { BusListener } from '../../../../src/core/ports/bus.ts';
import { RemoteError } from '../../../../src/core/ports/remote-tier.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { ChaosBus } from '../../../../src/testing/index.ts';
import { Fleet, type Member } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

/** Keeps a fleet from resting: somebody asks now and then. */
function inUse(fleet: Fleet, ms: number): void {
  for (let passed = 0; passed < ms; passed += 500) {
    for (const { cache } of fleet.members) watch(cache.get('in use'));
    fleet.run(500);
  }
}

function typesOf({ events }: Member): string[] {
  return events.map(({ type }) => type);
}

describe('the heartbeat', () => {
  test('comes three times in the bound D', () => {
    const fleet = new Fleet({ maxLag: 1_500 });
    const { l2 } = fleet.member();
    l2.forgetCounts();
    inUse(fleet, 6_000);
    expect(l2.count('heartbeat')).toBeWithin(11, 14);
  });

  test('that gets lost once does not suspend L1', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    const gate = fleet.hold('reply', 'i0.data heartbeat');
    fleet.run(300);
    gate.open();
    inUse(fleet, 3_000);
    expect(typesOf(fleet.member())).not.toContain('l1_suspended');
    expect(fleet.cache().health().l2?.breaker).toBe('closed');
  });

  test('is hurried by a gap at most twice in 100 ms, however many gaps there are', () => {
    const fleet = new Fleet({
      instances: 2,
      weakening: {
        bus(bus) {
          const losing = new ChaosBus(bus);
          losing.lose({ only: 'invalidation', probability: 0.5 });
          return losing;
        },
      },
    });
    const { l2, events } = fleet.member(0);
    l2.forgetCounts();
    for (let round = 0; round < 500; round += 1) {
      watch(fleet.cache(1).delete(`k${round}`));
      fleet.run(1);
    }
    expect(events.filter(({ type }) => type === 'bus_gap').length).toBeGreaterThan(100);
    expect(events.filter(({ type }) => type === 'bus_resync').length).toBeWithin(4, 7);
    expect(l2.count('heartbeat')).toBeWithin(5, 14);
  });

  test('that does not come back on an open subscription has that replaced', () => {
    let resets = 0;
    const given: ChaosBus[] = [];
    const fleet = new Fleet({
      weakening: {
        bus: (bus) => {
          const reset = (): void => {
            resets += 1;
            for (const each of given) each.heal();
            bus.reset();
          };
          const chaos = new ChaosBus(overriding(bus, { reset }));
          given.push(chaos);
          return chaos;
        },
      },
    });
    inUse(fleet, 2_000);
    for (const bus of given) bus.lose();
    inUse(fleet, 3_000);
    expect(resets).toBe(1);
    expect(fleet.cache().health()).toMatchObject({ l1: { suspended: false }, bus: { subscribed: true } });
  });

  test('that is not answered for long has the connection replaced', () => {
    const fleet = new Fleet();
    const gate = fleet.hold('request', 'i0.data');
    let resets = 0;
    const { tier } = fleet.member();
    const reset = tier.reset.bind(tier);
    tier.reset = () => {
      resets += 1;
      gate.open();
      reset();
    };
    inUse(fleet, 12_000);
    expect(resets).toBe(1);
    expect(fleet.cache().health().l2).toMatchObject({ connected: true, healthy: true });
  });

  test('that was answered late, with all that were sent since, has shown an outage all the same', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 'of before'));
    const gate = fleet.hold('request', 'i0.data heartbeat');
    inUse(fleet, 3_000);
    // None was sent more than D after the one before it, and all come back at once.
    gate.open();
    fleet.run(200);
    expect(fleet.cache().health().l1.suspended).toBe(false);
    expect(fleet.cache().peek('k')).toBeUndefined();
  });

  test('while L2 is away is news once, not a flood', () => {
    const fleet = new Fleet();
    fleet.hold('request', 'i0.data');
    inUse(fleet, 20_000);
    expect(fleet.member().failures.filter(({ operation }) => operation === 'heartbeat').length).toBeLessThanOrEqual(2);
    expect(typesOf(fleet.member()).filter((type) => type === 'l2_down')).toHaveLength(1);
    expect(typesOf(fleet.member()).filter((type) => type === 'l1_suspended')).toHaveLength(1);
  });
});

describe('another history', () => {
  test('is not read before its generation is agreed, and all agree on one', () => {
    const fleet = new Fleet({ instances: 3 });
    fleet.settle(fleet.cache(0).set('k', 'of before'));
    fleet.server.restart({ keepData: true });
    for (const { cache } of fleet.members) expect(cache.health().l2?.healthy).toBe(false);
    fleet.run(1_000);
    for (const { cache } of fleet.members) {
      expect(cache.health().l2?.healthy).toBe(true);
      // Nobody knows what that snapshot has missed.
      expect(fleet.settle(cache.get('k'))).toBeUndefined();
    }
    fleet.settle(fleet.cache(0).set('k', 'of now'));
    fleet.run(5);
    expect(fleet.settle(fleet.cache(2).get<string>('k'))).toBe('of now');
    expect(typesOf(fleet.member(1))).toContain('epoch_changed');
  });

  test('that was told before, by a server that is promoted again, is another one all the same', () => {
    const fleet = new Fleet({ instances: 2 });
    const [first, second] = [fleet.cache(0), fleet.cache(1)];
    const former = fleet.server.epoch;
    fleet.settle(first.set('k', 'of before'));
    fleet.server.restart({ from: fleet.server.snapshot() });
    fleet.run(1_000);
    // Known to the new generation alone.
    fleet.settle(second.delete('k'));
    fleet.server.restart({ from: fleet.server.snapshot(), epoch: former });
    fleet.run(1_000);
    expect(first.health().l2?.healthy).toBe(true);
    expect(fleet.settle(first.get('k'))).toBeUndefined();
  });

  test('that begins by FLUSHALL is empty, and goes on', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).set('k', 'of before'));
    fleet.server.flush();
    inUse(fleet, 2_000);
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeUndefined();
    fleet.settle(fleet.cache(1).set('k', 'of now'));
    fleet.run(5);
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('of now');
  });
});

describe('what the connection has to say', () => {
  test('an alarm reaches the observers', () => {
    const problem = new Error('WRONGPASS');
    const fleet = new Fleet({
      weakening: {
        tier: (tier) =>
          overriding(tier, {
            start: (listener, cache) => {
              tier.start(listener, cache);
              listener.onAlarm(problem);
            },
          }),
      },
      warm: false,
    });
    expect(fleet.member().events).toContainEqual({ type: 'alarm', error: problem });
  });

  test('a right that is taken away is one alarm, and another one when it is taken away again', () => {
    const denial = new RemoteError('denied', 'NOPERM');
    let isDenied = false;
    const fleet = new Fleet({
      weakening: {
        tier: (tier) =>
          overriding(tier, {
            heartbeat: (...given) => (isDenied ? Promise.reject(denial) : tier.heartbeat(...given)),
          }),
      },
    });
    for (let round = 1; round <= 2; round += 1) {
      isDenied = true;
      inUse(fleet, 5_000);
      isDenied = false;
      inUse(fleet, 3_000);
      expect(fleet.member().events.filter(({ type }) => type === 'alarm')).toEqual(
        Array.from({ length: round }, () => ({ type: 'alarm', error: denial })),
      );
    }
  });

  test('a message that no instance understands is counted and reported, and breaks nothing', () => {
    const listeners: BusListener[] = [];
    const fleet = new Fleet({
      weakening: {
        bus: (bus) =>
          overriding(bus, {
            start: (instance, listener, cache) => {
              listeners.push(listener);
              bus.start(instance, listener, cache);
            },
          }),
      },
    });
    listeners[0]?.onMalformed('not JSON');
    expect(fleet.cache().stats().bus.malformed).toBe(1);
    expect(fleet.member().events).toContainEqual({ type: 'bus_malformed', reason: 'not JSON' });
    expect(fleet.cache().health().l1.healthy).toBe(true);
  });
});
