import { expect, test } from 'bun:test';
import type { LocalTier } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

const defaults = { ttl: '1s', staleWhileRevalidate: '10s' } as const;

test('a refresh under way makes no reader wait, also where L1 cannot answer', () => {
  const fleet = new Fleet({ instances: 2, defaults: { ...defaults, l1Ttl: 0 } });
  fleet.settle(fleet.cache().getOrSet('k', () => 'first'));
  fleet.run(1_000);
  const loads = new HeldLoads<string>();
  for (let round = 0; round < 10; round += 1) {
    for (const { cache } of fleet.members) {
      const asked = fleet.time.now;
      expect(fleet.settle(cache.lookup('k', loads.loader))).toMatchObject({ value: 'first', state: 'stale' });
      expect(fleet.time.now - asked).toBeLessThan(5);
    }
  }
  expect(loads.count).toBe(1);
  loads.answer('second');
  fleet.run(60);
  for (const { cache } of fleet.members) expect(fleet.settle(cache.getOrSet('k', loads.loader))).toBe('second');
});

test('a refresh under way makes no reader wait, unless a tag that only the value names has ended since', () => {
  const fleet = new Fleet({ defaults: { ...defaults, l1Ttl: 0 } });
  const loads = new HeldLoads<string>();
  const ask = () => fleet.cache().lookup('k', loads.loader, { tags: () => ['late'] });
  fleet.settle(fleet.cache().set('k', 'first', { tags: ['late'] }));
  fleet.run(1_000);
  expect(fleet.settle(ask()).value).toBe('first');
  fleet.run(5);
  fleet.settle(fleet.cache().invalidate({ tags: ['late'] }));
  const later = watch(ask());
  fleet.run(50);
  expect(later.state).toBe('pending');
  loads.answer('second', 0);
  fleet.run(5);
  loads.answer('third');
  fleet.run(5);
  expect(later.value()).toMatchObject({ value: 'third', state: 'fresh' });
});

test('a refresh is one load in the fleet, also where L1 holds nothing', () => {
  const nothing: LocalTier = {
    get: () => undefined,
    set: () => {},
    delete: () => {},
    clear: () => {},
    ids: () => [],
    usage: () => ({ entries: 0, bytes: 0, evictions: 0 }),
  };
  const fleet = new Fleet({
    instances: 3,
    defaults,
    weakening: { wire: (wiring) => ({ ...wiring, l1: { ...nothing } }) },
  });
  fleet.settle(fleet.cache().getOrSet('k', () => 'first'));
  fleet.run(1_000);
  const loads = new HeldLoads<string>();
  for (let round = 0; round < 10; round += 1) {
    for (const { cache } of fleet.members)
      expect(fleet.settle(cache.lookup('k', loads.loader))).toMatchObject({ value: 'first', state: 'stale' });
  }
  expect(loads.count).toBe(1);
});
