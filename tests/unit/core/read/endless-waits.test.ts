import { describe, expect, test } from 'bun:test';
import type { Clock } from '../../../../src/core/primitives/clock.ts';
import type { TieredCache } from '../../../../src/index.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

/** Counts the waits without an end that keep the process alive. */
function heldBy(clock: Clock, held: { count: number }): Clock {
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    after(ms, run, isAwaited) {
      if (ms !== Infinity || isAwaited !== true) return clock.after(ms, run, isAwaited);
      held.count += 1;
      let isHeld = true;
      return () => {
        if (isHeld) held.count -= 1;
        isHeld = false;
      };
    },
  };
}

function fleetOf(options: FleetOptions) {
  const held = { count: 0 };
  const fleet = new Fleet({ ...options, remake: (made) => ({ ...made, clock: heldBy(made.clock ?? fail(), held) }) });
  return { fleet, held };
}

function fail(): never {
  throw new Error('The fixture gives a clock');
}

type Call = (cache: TieredCache, load: () => Promise<string>) => Promise<unknown>;

const endless = { hardTimeout: Infinity } as const;

describe('a caller who waits without an end keeps the process alive', () => {
  const loads: [string, Call][] = [
    ['getOrSet', (cache, load) => cache.getOrSet('a', load, endless)],
    [
      'getOrSet with a signal',
      (cache, load) => cache.getOrSet('a', load, { ...endless, signal: new AbortController().signal }),
    ],
    [
      'getOrSet that joins',
      (cache, load) => Promise.all([cache.getOrSet('a', load, endless), cache.getOrSet('a', load, endless)]),
    ],
    [
      'getOrSet that waits for room',
      (cache, load) => Promise.all([1, 2, 3].map(() => cache.getOrSet('a', load, { ...endless, forceFresh: true }))),
    ],
    ['lookup', (cache, load) => cache.lookup('a', load, endless)],
    ['getOrSetMany', (cache, load) => cache.getOrSetMany(['a', 'b'], async () => [['a', await load()]], endless)],
    ['a namespace', (cache, load) => cache.namespace('tenant').getOrSet('a', load, endless)],
    ['warm', (cache, load) => cache.warm([{ key: 'a', loader: load, options: endless }])],
  ];
  test.each(loads)('for a load: %s', (_, call) => {
    const { fleet, held } = fleetOf({ tiers: 'l1' });
    const gate = Promise.withResolvers<string>();
    const calling = watch(call(fleet.cache(), () => gate.promise));
    fleet.run(60_000);
    expect(calling.state).toBe('pending');
    expect(held.count).toBeGreaterThan(0);
    gate.resolve('value');
    fleet.run(1);
    expect(calling.state).toBe('fulfilled');
    expect(held.count).toBe(0);
  });

  test('for a load, until the caller leaves', () => {
    const { fleet, held } = fleetOf({ tiers: 'l1' });
    const leaving = new AbortController();
    const calling = watch(
      fleet.cache().getOrSet('a', () => new Promise<string>(() => {}), { ...endless, signal: leaving.signal }),
    );
    fleet.run(1);
    expect(held.count).toBe(1);
    leaving.abort();
    expect(calling.state).toBe('rejected');
    expect(held.count).toBe(0);
  });

  const questions: [string, Call][] = [
    ['get', (cache) => cache.get('a')],
    ['getMany', (cache) => cache.getMany(['a', 'b'])],
    ['has', (cache) => cache.has('a')],
    ['getOrSet', (cache, load) => cache.getOrSet('a', load, endless)],
    ['set', (cache) => cache.set('a', 'value')],
    [
      'set and a reader that waits for it',
      (cache, load) => Promise.all([cache.set('a', 'v'), cache.getOrSet('a', load, endless)]),
    ],
  ];
  test.each(questions)('for L2: %s', (_, call) => {
    const { fleet, held } = fleetOf({ defaults: { l2Timeout: Infinity } });
    const { l2 } = fleet.member();
    const hang = l2.hang();
    const calling = watch(call(fleet.cache(), async () => 'value'));
    fleet.run(10);
    expect(calling.state).toBe('pending');
    expect(held.count).toBeGreaterThan(0);
    hang.lift();
    fleet.run(5_000);
    expect(calling.state).toBe('fulfilled');
    expect(held.count).toBe(0);
  });

  test('for the first contact with L2', () => {
    const { fleet, held } = fleetOf({ warm: false, defaults: { l2Timeout: Infinity, hardTimeout: Infinity } });
    const calling = watch(fleet.cache().getOrSet('a', () => 'value'));
    expect([calling.state, held.count]).toEqual(['pending', 1]);
    fleet.run(5_000);
    expect([calling.state, held.count]).toEqual(['fulfilled', 0]);
  });
});
