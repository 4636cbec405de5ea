import { describe, expect, test } from 'bun:test';
import { lru } from '../../src/adapters/lru/index.ts';
import { entryOf } from '../../src/testing/contracts/local-tier.ts';
import { localTierContract } from '../../src/testing/index.ts';
import { runContract } from './run-contract.ts';

/** Counts an entry by the number that it holds; one that holds no number as 10. */
const sizeOf = ({ value }: { readonly value: unknown }) => (typeof value === 'number' ? value : 10);

runContract('local tier: lru', localTierContract(lru));

describe('limits of lru', () => {
  test('evicts what was used least recently, and counts it', () => {
    const tier = lru({ maxEntries: 2, sizeOf });
    tier.set('a', entryOf('a'));
    tier.set('b', entryOf('b'));
    tier.get('a');
    tier.set('c', entryOf('c'));
    expect([...tier.ids()].toSorted()).toEqual(['a', 'c']);
    expect(tier.usage()).toEqual({ entries: 2, bytes: 20, evictions: 1 });
  });

  test('keeps to its bytes', () => {
    const tier = lru({ maxBytes: 100, sizeOf });
    for (let index = 0; index < 10; index++) tier.set(`k${index}`, entryOf(30));
    expect(tier.usage()).toEqual({ entries: 3, bytes: 90, evictions: 7 });
  });

  test('does not keep an entry that is bigger than everything, nor what it would have replaced', () => {
    const tier = lru({ maxBytes: 100, sizeOf });
    tier.set('other', entryOf(40));
    tier.set('a', entryOf(40));
    tier.set('a', entryOf(101));
    expect(tier.get('a')).toBeUndefined();
    expect(tier.usage()).toEqual({ entries: 1, bytes: 40, evictions: 0 });
  });

  test('counts an entry without size as one byte, and parts of bytes as whole ones', () => {
    const tier = lru({ sizeOf });
    tier.set('a', entryOf(0));
    tier.set('b', entryOf(1.5));
    expect(tier.usage().bytes).toBe(3);
  });

  test('weighs an entry by its value unless told otherwise', () => {
    const bytes = (value: unknown) => {
      const tier = lru();
      tier.set('a', entryOf(value));
      return tier.usage().bytes;
    };
    expect(bytes('x'.repeat(1_000)) - bytes('')).toBe(1_000);
    expect(bytes('ž'.repeat(1_000)) - bytes('')).toBe(2_000);
    expect(bytes({ a: { b: 1 } })).toBeGreaterThan(bytes({ a: 1 }));
    const list = Array.from({ length: 100 }, (_, index) => index);
    expect(bytes(Object.freeze([...list]))).toBeGreaterThan(3 * (bytes(list) - bytes([])));
    expect(bytes(Object.fromEntries(list.map((index) => [`f${index}`, true])))).toBeGreaterThan(bytes({}) + 1_000);
  });

  test.each([
    ['maxBytes', { maxBytes: 0 }],
    ['maxBytes', { maxBytes: 1.5 }],
    ['maxBytes', { maxBytes: Number.NaN }],
    ['maxBytes', { maxBytes: Number.POSITIVE_INFINITY }],
    ['maxEntries', { maxEntries: 0 }],
    ['maxEntries', { maxEntries: -1 }],
    ['maxEntries', { maxEntries: 2 ** 24 + 1 }],
  ])('refuses an impossible %s: %p', (option, options) => {
    expect(() => lru(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option }));
  });
});
