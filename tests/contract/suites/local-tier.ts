import { describe, expect, test } from 'bun:test';
import { Counters } from '../../../src/core/counters.ts';
import type { Entry } from '../../../src/core/entry.ts';
import type { LocalTier } from '../../../src/core/ports.ts';

const COUNTERS = new Counters().of('test');
const FOREVER = Number.POSITIVE_INFINITY;

/** An entry of a given size; its times play no part in a store. */
export function entryOf(value: unknown, bytes = 10): Entry {
  return {
    value,
    bytes,
    loadBeganAt: 0,
    loadMs: 0,
    storedAt: 0,
    windows: { ttlMs: FOREVER, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 },
    freshUntil: FOREVER,
    staleUntil: FOREVER,
    errorUntil: FOREVER,
    hitUntil: FOREVER,
    localUntil: FOREVER,
    tags: [],
    expired: false,
    retryAt: 0,
    failed: false,
    counters: COUNTERS,
  };
}

/** What every L1 store promises. */
export function localTierContract(name: string, make: () => LocalTier): void {
  describe(`local tier: ${name}`, () => {
    test('hands out the very entry that was stored', () => {
      const tier = make();
      const entry = entryOf('a');
      tier.set('a', entry);
      expect(tier.get('a')).toBe(entry);
      expect(tier.get('b')).toBeUndefined();
    });

    test('replaces an entry, and forgets one that is deleted', () => {
      const tier = make();
      tier.set('a', entryOf(1));
      tier.set('a', entryOf(2, 20));
      expect(tier.get('a')?.value).toBe(2);
      expect(tier.usage()).toEqual({ entries: 1, bytes: 20, evictions: 0 });
      tier.delete('a');
      tier.delete('never there');
      expect(tier.get('a')).toBeUndefined();
      expect(tier.usage()).toEqual({ entries: 0, bytes: 0, evictions: 0 });
    });

    test('forgets everything on clear, and counts it as no eviction', () => {
      const tier = make();
      for (const id of ['a', 'b', 'c']) tier.set(id, entryOf(id));
      tier.clear();
      expect([...tier.ids()]).toEqual([]);
      expect(tier.usage()).toEqual({ entries: 0, bytes: 0, evictions: 0 });
    });

    test('names every id once, also while the walker deletes them', () => {
      const tier = make();
      const ids = Array.from({ length: 100 }, (_, index) => `\u0001ns\u0001${index}`);
      for (const id of ids) tier.set(id, entryOf(id));
      const seen: string[] = [];
      for (const id of tier.ids()) {
        seen.push(id);
        tier.delete(id);
      }
      expect(seen.sort()).toEqual(ids.sort());
      expect(tier.usage().entries).toBe(0);
    });

    test('keeps values that are falsy', () => {
      const tier = make();
      for (const value of [0, false, '', null]) {
        tier.set('a', entryOf(value));
        expect(tier.get('a')?.value).toBe(value);
      }
    });
  });
}
