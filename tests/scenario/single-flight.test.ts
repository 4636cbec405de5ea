import { describe, expect, test } from 'bun:test';
import { Fleet } from '../support/core-fixture.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { type Watched, watch } from '../support/watch.ts';

const INSTANCES = 10;

/** Every instance asks for the key by the same loads. */
function askAll(fleet: Fleet, loads: HeldLoads<string>): Watched<string>[] {
  return fleet.members.map(({ cache }) => watch(cache.getOrSet('k', loads.loader)));
}

describe('race 55, Redis stands still while nine instances wait for the load of a tenth', () => {
  test('for 80 ms: it stays one load, and all are given its value', () => {
    const fleet = new Fleet({ instances: INSTANCES });
    const loads = new HeldLoads<string>();
    const callers = askAll(fleet, loads);
    for (let stall = 0; stall < 10; stall += 1) {
      fleet.run(200);
      const stopped = fleet.hold('request', '.data');
      fleet.run(80);
      stopped.open();
    }
    expect(loads.count).toBe(1);
    for (const { events } of fleet.members)
      expect(events.some(({ type }) => type === 'breaker_transition')).toBe(false);
    loads.answer('value');
    fleet.run(100);
    expect(callers.map((caller) => caller.value())).toEqual(Array(INSTANCES).fill('value'));
  });

  test('for good: each instance loads for itself once its breaker is open', () => {
    const fleet = new Fleet({ instances: INSTANCES });
    const loads = new HeldLoads<string>();
    askAll(fleet, loads);
    fleet.run(200);
    fleet.hold('request', '.data');
    fleet.run(3_000);
    expect(loads.count).toBe(INSTANCES);
  });

  test('and what it refuses is an answer: a full server has no lease for anybody to wait for', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    const [first] = askAll(fleet, loads);
    fleet.run(200);
    fleet.server.full = true;
    loads.answer('value');
    fleet.run(20);
    expect(first?.value()).toBe('value');
    fleet.run(100);
    expect(loads.count).toBe(2);
  });
});

describe('race 56, a load that replaces a value takes longer than a lease', () => {
  const ENDS: Readonly<Record<string, (fleet: Fleet) => Promise<unknown>>> = {
    'an expired value': (fleet) => fleet.cache().expire('k'),
    'a value that a tag has ended': (fleet) => fleet.cache().invalidate({ tags: ['t'] }),
  };
  for (const [what, end] of Object.entries(ENDS)) {
    test(`${what}: eight seconds are one load`, () => {
      const fleet = new Fleet({ instances: 3, defaults: { hardTimeout: '1m' } });
      fleet.settle(fleet.cache().getOrSet('k', () => 'old', { tags: ['t'] }));
      fleet.settle(end(fleet));
      fleet.run(10);
      const loads = new HeldLoads<string>();
      const callers = fleet.members.map(({ cache }) => watch(cache.getOrSet('k', loads.loader, { tags: ['t'] })));
      fleet.run(8_000);
      expect(loads.count).toBe(1);
      loads.answer('new');
      fleet.run(100);
      expect(callers.map((caller) => caller.value())).toEqual(Array(3).fill('new'));
    });
  }

  test('the claim of an instance that has died lapses all the same', () => {
    const fleet = new Fleet({ instances: 2, defaults: { hardTimeout: '1m' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.settle(fleet.cache().expire('k'));
    fleet.run(10);
    const loads = new HeldLoads<string>();
    watch(fleet.cache(0).getOrSet('k', loads.loader));
    fleet.run(10);
    fleet.member(0).host.crashed = true;
    const caller = watch(fleet.cache(1).getOrSet('k', () => 'new'));
    fleet.run(5_200);
    expect(caller.value()).toBe('new');
  });
});
