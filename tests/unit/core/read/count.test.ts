import { describe, expect, test } from 'bun:test';
import type { CacheView } from '../../../../src/index.ts';
import { InvalidKeyError } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

function fill(fleet: Fleet, cache: CacheView, ...keys: string[]): void {
  for (const key of keys) fleet.settle(cache.getOrSet(key, () => key));
}

describe('count', () => {
  test('counts an entry once, whichever tiers hold it', () => {
    const fleet = new Fleet({ instances: 2 });
    fill(fleet, fleet.cache(0), 'a:1', 'a:2', 'b:1');
    fill(fleet, fleet.cache(1), 'a:2', 'a:3');
    for (const index of [0, 1]) {
      expect(fleet.settle(fleet.cache(index).count('a:*'))).toBe(3);
      expect(fleet.settle(fleet.cache(index).count('*'))).toBe(4);
      expect(fleet.settle(fleet.cache(index).count('c*'))).toBe(0);
    }
  });

  test('touches nothing: the server is asked to remove nothing, and everything answers as before', () => {
    const fleet = new Fleet({ instances: 2 });
    fill(fleet, fleet.cache(0), 'a', 'b');
    fleet.member(0).calls.length = 0;
    fleet.settle(fleet.cache(0).count('*'));
    expect(fleet.member(0).calls.map(({ operation }) => operation)).toEqual(['scan']);
    expect(fleet.cache(0).peek<string>('a')).toBe('a');
    expect(fleet.settle(fleet.cache(1).lookup('b', () => 'loaded'))).toMatchObject({ value: 'b', tier: 'l2' });
  });

  test('foretells what an invalidation touches', () => {
    const fleet = new Fleet({ instances: 2 });
    fill(fleet, fleet.cache(0), 'a:1', 'a:2', '[^x]', 'x');
    for (const pattern of ['[^x]', 'a:?', '\\*', '*']) {
      const foretold = fleet.settle(fleet.cache(1).count(pattern));
      expect([pattern, fleet.settle(fleet.cache(1).invalidate({ pattern }))]).toEqual([
        pattern,
        { keys: foretold, tags: 0 },
      ]);
    }
  });

  test('keeps to its namespace', () => {
    const fleet = new Fleet();
    const cache = fleet.cache();
    fill(fleet, cache, 'k', 'own');
    fill(fleet, cache.namespace('n'), 'k', 'k2', 'k3');
    expect(fleet.settle(cache.count('k*'))).toBe(1);
    expect(fleet.settle(cache.namespace('n').count('*'))).toBe(3);
    expect(fleet.settle(cache.namespace('other').count('*'))).toBe(0);
  });

  test('without an L2, or while it is away, counts what is here', () => {
    const alone = new Fleet({ tiers: 'l1' });
    fill(alone, alone.cache(), 'a', 'b');
    expect(alone.settle(alone.cache().count('*'))).toBe(2);

    const fleet = new Fleet({ instances: 2 });
    fill(fleet, fleet.cache(0), 'a');
    fill(fleet, fleet.cache(1), 'b');
    fleet.member(0).tier.disconnect();
    expect(fleet.settle(fleet.cache(0).count('*'))).toBe(1);
  });

  test('refuses a pattern that is none, and a closed cache', () => {
    const fleet = new Fleet();
    for (const pattern of ['', 'a\u001b[31m', 'a\r\n', '\ud800', '*'.repeat(1_025)]) {
      expect(fleet.failure(fleet.cache().count(pattern))).toBeInstanceOf(InvalidKeyError);
    }
    const cache = fleet.cache();
    fleet.settle(cache.close());
    expect(fleet.failure(cache.count('*'))).toMatchObject({ code: 'CACHE_CLOSED' });
  });
});
