import { deepEqual, equal, ok } from 'node:assert/strict';
import { Counters } from '../../core/model/counters.ts';
import type { Entry } from '../../core/model/entry.ts';
import type { LocalTier } from '../../core/ports/local-tier.ts';
import { type AddTest, type ContractTest, contractOf } from './contract.ts';

const COUNTERS = new Counters().of('test');
const FOREVER = Number.POSITIVE_INFINITY;

/** Makes an entry whose times play no part in a store. */
export function entryOf(value: unknown): Entry {
  return {
    value,
    loadBeganAt: 0,
    loadMs: 0,
    storedAt: 0,
    lifetime: { ttlMs: FOREVER, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 },
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

/**
 * Makes the tests that every L1 must pass.
 * @param make Makes an empty store that holds at least 100 entries.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { lru } from 'tiercel/lru';
 * import { localTierContract } from 'tiercel/testing';
 *
 * for (const { name, run } of localTierContract(() => lru())) test(name, run);
 * ```
 */
export function localTierContract(make: () => LocalTier): ContractTest[] {
  return contractOf({ '': (test) => define(test, make) });
}

function define(test: AddTest, make: () => LocalTier): void {
  test('hands out the very entry that was stored', () => {
    const tier = make();
    const entry = entryOf('a');
    tier.set('a', entry);
    equal(tier.get('a'), entry);
    equal(tier.get('b'), undefined);
  });

  test('replaces an entry, and forgets one that is deleted', () => {
    const tier = make();
    tier.set('a', entryOf(1));
    tier.set('a', entryOf('longer'));
    equal(tier.get('a')?.value, 'longer');
    equal(tier.usage().entries, 1);
    ok(tier.usage().bytes >= 'longer'.length);
    tier.delete('a');
    tier.delete('never there');
    equal(tier.get('a'), undefined);
    deepEqual(tier.usage(), { entries: 0, bytes: 0, evictions: 0 });
  });

  test('forgets everything on clear, and counts it as no eviction', () => {
    const tier = make();
    for (const id of ['a', 'b', 'c']) tier.set(id, entryOf(id));
    tier.clear();
    deepEqual([...tier.ids()], []);
    deepEqual(tier.usage(), { entries: 0, bytes: 0, evictions: 0 });
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
    deepEqual(seen.sort(), ids.sort());
    equal(tier.usage().entries, 0);
  });

  test('keeps values that are falsy', () => {
    const tier = make();
    for (const value of [0, false, '', null]) {
      tier.set('a', entryOf(value));
      equal(tier.get('a')?.value, value);
    }
  });
}
