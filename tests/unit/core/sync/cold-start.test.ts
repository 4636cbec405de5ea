import { describe, expect, test } from 'bun:test';
import type { TieredCache } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

/** The first heartbeat of a fleet is answered after 13 ms. */
const IN_TIME = 50;
const TOO_SHORT = 5;

const load = () => 'value';

/** Calls that may load, each for the key `k`. */
const LOADING: Readonly<Record<string, (cache: TieredCache, l2Timeout: number) => Promise<unknown>>> = {
  getOrSet: (cache, l2Timeout) => cache.getOrSet('k', load, { l2Timeout }),
  lookup: (cache, l2Timeout) => cache.lookup('k', load, { l2Timeout }),
  'forceFresh getOrSet': (cache, l2Timeout) => cache.getOrSet('k', load, { l2Timeout, forceFresh: true }),
  getOrSetMany: (cache, l2Timeout) => cache.getOrSetMany(['k'], () => [['k', 'value']], { l2Timeout }),
  lookupMany: (cache, l2Timeout) => cache.lookupMany(['k'], () => [['k', 'value']], { l2Timeout }),
  warm: (cache, l2Timeout) => cache.warm([{ key: 'k', loader: load, options: { l2Timeout } }]),
};

/** A process that has just started, and what it holds of the key once it has been in contact for long. */
function started(): { readonly fleet: Fleet; readonly cache: TieredCache; tiersLater(): (string | undefined)[] } {
  const fleet = new Fleet({ warm: false });
  const cache = fleet.cache();
  return {
    fleet,
    cache,
    tiersLater() {
      fleet.run(1_000);
      const { l1, l2 } = fleet.settle(cache.inspect('k'));
      return [l1 && 'l1', l2 && 'l2'];
    },
  };
}

describe('before the first contact with L2', () => {
  for (const [name, call] of Object.entries(LOADING)) {
    test(`${name} waits for it, and stores in both tiers what it loads`, () => {
      const { fleet, cache, tiersLater } = started();
      fleet.settle(call(cache, IN_TIME));
      expect(fleet.time.now).toBeGreaterThan(TOO_SHORT);
      expect(tiersLater()).toEqual(['l1', 'l2']);
    });

    test(`${name} waits no longer than \`l2Timeout\`, and stores nowhere what it loads`, () => {
      const { fleet, cache, tiersLater } = started();
      fleet.settle(call(cache, TOO_SHORT));
      expect(fleet.time.now).toBeLessThan(2 * TOO_SHORT);
      expect(tiersLater()).toEqual([undefined, undefined]);
    });

    test(`${name} after \`await cache.ready()\` stores in both tiers, however short its \`l2Timeout\``, () => {
      const { fleet, cache, tiersLater } = started();
      expect(fleet.settle(cache.ready())).toBe(true);
      fleet.settle(call(cache, TOO_SHORT));
      expect(tiersLater()).toEqual(['l1', 'l2']);
    });
  }

  test('a load waits for a subscription that stands later than the connection, and is stored in both tiers', () => {
    const { fleet, cache, tiersLater } = started();
    const subscription = fleet.hold('message', 'i0.bus');
    const slow = () =>
      new Promise<string>((resolve) =>
        fleet.time.at(fleet.time.now + 100, () => resolve('value'), fleet.member().host),
      );
    fleet.run(20);
    const reading = watch(cache.getOrSet('k', slow, { l2Timeout: IN_TIME }));
    fleet.run(20);
    subscription.open();
    fleet.run(150);
    expect(reading.value()).toBe('value');
    expect(tiersLater()).toEqual(['l1', 'l2']);
  });

  test('calls do not wait for a subscription that is away: those of the first second for `l2Timeout`', () => {
    const { fleet, cache } = started();
    fleet.hold('message', 'i0.bus');
    const took = (): number => {
      const began = fleet.time.now;
      fleet.settle(cache.getOrSet(`k${began}`, load, { l2Timeout: IN_TIME }));
      return fleet.time.now - began;
    };
    expect(took()).toBeWithin(IN_TIME, IN_TIME + 10);
    fleet.run(1_600);
    expect(took()).toBeLessThan(10);
  });

  test('a load that has begun is stored nowhere, also when it ends after the contact', () => {
    const { fleet, cache, tiersLater } = started();
    const slow = () =>
      new Promise<string>((resolve) =>
        fleet.time.at(fleet.time.now + 100, () => resolve('value'), fleet.member().host),
      );
    fleet.settle(cache.getOrSet('k', slow, { l2Timeout: TOO_SHORT }));
    expect(fleet.cache().health().l2).toMatchObject({ connected: true });
    expect(tiersLater()).toEqual([undefined, undefined]);
  });

  test('a set waits for a second, whatever `l2Timeout` the cache has', () => {
    const fleet = new Fleet({ warm: false, defaults: { l2Timeout: TOO_SHORT } });
    expect(fleet.settle(fleet.cache().set('k', 'value'))).toBe(true);
  });
});
