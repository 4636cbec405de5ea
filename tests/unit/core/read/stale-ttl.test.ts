import { describe, expect, test } from 'bun:test';
import { cacheStatus } from '../../../../src/adapters/elysia/cache-status.ts';
import type { ReadOptions } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const failing = (): Promise<never> => Promise.reject(new Error('the source is down'));

const WINDOWS = { ttl: '1h', staleIfError: '1h' } as const;

/** Two instances whose L1 and L2 hold a value with an hour of TTL left. */
function withFreshValue(defaults: ReadOptions = WINDOWS): Fleet {
  const fleet = new Fleet({ instances: 2, defaults: { ...defaults } });
  for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'first', { tags: ['t'] }));
  return fleet;
}

function staleAnswer(fleet: Fleet, index = 0, options: ReadOptions = {}) {
  const lookup = fleet.settle(fleet.cache(index).lookup<string>('k', failing, { tags: ['t'], ...options }));
  expect(lookup).toMatchObject({ value: 'first', state: 'stale' });
  return lookup;
}

describe('the ttl of a stale answer', () => {
  test('counts from `expire` on the instance that ordered it', () => {
    const fleet = withFreshValue();
    fleet.settle(fleet.cache(0).expire('k'));
    fleet.run(2_000);
    const lookup = staleAnswer(fleet);
    expect(lookup.ttl).toBeLessThanOrEqual(-2_000);
    expect(lookup.ttl).toBeGreaterThan(-2_100);
    expect(cacheStatus(lookup)).toContain('fwd=stale; ttl=-3');
  });

  test('counts from `expire` on another instance, which finds the value in L2', () => {
    const fleet = withFreshValue();
    fleet.settle(fleet.cache(0).expire('k'));
    fleet.run(2_000);
    fleet.member(1).l1.clear();
    const lookup = staleAnswer(fleet, 1);
    expect(lookup.tier).toBe('l2');
    expect(lookup.ttl).toBeLessThan(-1_900);
    expect(lookup.ttl).toBeGreaterThan(-2_100);
  });

  test('counts from the end of a tag that was expired', () => {
    const fleet = withFreshValue();
    fleet.settle(fleet.cache(0).invalidate({ tags: ['t'], mode: 'expire' }));
    fleet.server.stop();
    fleet.run(2_000);
    for (const index of [0, 1]) {
      const lookup = staleAnswer(fleet, index);
      expect(lookup.tier).toBe('l1');
      expect(lookup.ttl).toBeLessThan(-1_900);
      expect(lookup.ttl).toBeGreaterThan(-2_200);
    }
  });

  test('counts from the end of the TTL where that came before `expire`', () => {
    const fleet = withFreshValue({ ttl: '1s', staleIfError: '1h' });
    fleet.run(4_000);
    fleet.settle(fleet.cache(0).expire('k'));
    expect(staleAnswer(fleet).ttl).toBeLessThan(-2_900);
  });

  test('is 0 where a value with time left stands in for a load that failed', () => {
    const fleet = withFreshValue();
    const lookup = staleAnswer(fleet, 0, { forceFresh: true });
    expect(lookup.ttl).toBe(0);
    expect(cacheStatus(lookup)).toContain('fwd=stale; ttl=0; detail=source-error');
  });

  test('is 0 where a value with time left stands in for a load that takes too long', () => {
    const fleet = withFreshValue();
    fleet.server.stop();
    fleet.run(31_000);
    const slow = (): Promise<string> => new Promise(() => {});
    const lookup = fleet.settle(fleet.cache().lookup('k', slow, { tags: ['t'], softTimeout: 20 }));
    expect(lookup).toMatchObject({ value: 'first', state: 'stale', ttl: 0 });
  });

  test('is a finite number of a value without end', () => {
    const fleet = withFreshValue({ ttl: Infinity, staleIfError: '1h' });
    fleet.settle(fleet.cache(0).expire('k'));
    fleet.run(1_000);
    expect(staleAnswer(fleet).ttl).toBeLessThanOrEqual(-1_000);
  });

  test('is what `inspect` says too', () => {
    const fleet = withFreshValue();
    fleet.settle(fleet.cache(0).expire('k'));
    fleet.run(1_000);
    const { l1, l2 } = fleet.settle(fleet.cache(0).inspect('k'));
    expect(l1).toMatchObject({ state: 'expired', ttl: -1_001 });
    expect(l2).toMatchObject({ kind: 'value', state: 'expired' });
    if (l2?.kind === 'value') expect(l2.ttl).toBeLessThan(-900);
  });
});
