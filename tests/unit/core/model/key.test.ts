import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  fromId,
  namespaceChain,
  namespaceTag,
  nestedNamespace,
  ROOT_TAG,
  toId,
} from '../../../../src/core/model/key.ts';
import { groupOf, InvalidKeyError, isCacheError, MAX_KEY_BYTES } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const GOOD: Readonly<Record<string, string>> = {
  'one character': 'k',
  'the longest, in ASCII': 'k'.repeat(MAX_KEY_BYTES),
  'the longest, in characters of four bytes': '🐎'.repeat(MAX_KEY_BYTES / 4),
  blanks: '  ',
  'a name of Object’s prototype': '__proto__',
  wildcards: '*?[^x]\\',
  braces: '{a}:{b}',
};

const BAD: Readonly<Record<string, readonly [key: unknown, problem: string]>> = {
  'an empty string': ['', 'is empty'],
  'one byte too many': ['k'.repeat(MAX_KEY_BYTES + 1), 'is longer than 1024 bytes'],
  'too many bytes in few characters': ['🐎'.repeat(MAX_KEY_BYTES / 4 + 1), 'is longer than 1024 bytes'],
  'a line break': ['a\nb', 'holds a control character'],
  'the mark of ids': ['\u0001', 'holds a control character'],
  'a zero': ['a\u0000', 'holds a control character'],
  'a C1 control character': ['a\u0085', 'holds a control character'],
  'a lone surrogate': ['a\ud800', 'is not well-formed Unicode'],
  'a number': [17, 'is not a string'],
  nothing: [undefined, 'is not a string'],
  null: [null, 'is not a string'],
  'an object': [{ toString: () => 'k' }, 'is not a string'],
};

describe('a key may be', () => {
  for (const [name, key] of Object.entries(GOOD)) {
    test(name, () => {
      const fleet = new Fleet({ instances: 2 });
      fleet.settle(fleet.cache(0).getOrSet(key, () => 'value', { tags: [key] }));
      expect(fleet.settle(fleet.cache(1).get(key))).toBe('value');
      fleet.settle(fleet.cache(1).invalidate({ tags: [key] }));
      fleet.run(5);
      expect(fleet.settle(fleet.cache(0).get(key))).toBeUndefined();
    });
  }
});

describe('a key may not be', () => {
  for (const [name, [given, problem]] of Object.entries(BAD)) {
    test(name, () => {
      const fleet = new Fleet();
      const { cache } = fleet.member();
      const key = given as string;
      const calls = [
        cache.getOrSet(key, () => 1),
        cache.lookup(key, () => 1),
        cache.get(key),
        cache.has(key),
        cache.set(key, 1),
        cache.delete(key),
        cache.expire(key),
        cache.invalidate({ keys: [key] }),
        cache.inspect(key),
      ];
      for (const call of calls) {
        const error = fleet.failure(call);
        expect(error).toBeInstanceOf(InvalidKeyError);
        expect(error).toMatchObject({ code: 'INVALID_KEY', message: expect.stringContaining(problem) });
      }
      expect(() => cache.peek(key)).toThrow(InvalidKeyError);
      expect(() => cache.peekLookup(key)).toThrow(InvalidKeyError);
      expect(fleet.member().calls).toEqual([]);
    });
  }

  test('and the same holds for tags, patterns and namespaces', () => {
    const fleet = new Fleet();
    const { cache } = fleet.member();
    const bad = 'a\nb';
    expect(fleet.failure(cache.getOrSet('k', () => 1, { tags: [bad] }))).toBeInstanceOf(InvalidKeyError);
    expect(fleet.failure(cache.getOrSet('k', () => 1, { tags: () => [bad] }))).toBeInstanceOf(InvalidKeyError);
    expect(fleet.failure(cache.invalidate({ tags: [bad] }))).toBeInstanceOf(InvalidKeyError);
    expect(fleet.failure(cache.invalidate({ pattern: bad }))).toBeInstanceOf(InvalidKeyError);
    expect(() => cache.namespace(bad)).toThrow(InvalidKeyError);
  });

  test('another namespace’s entry by the name under which it is kept', () => {
    const fleet = new Fleet();
    const { cache } = fleet.member();
    fleet.settle(cache.namespace('tenant').getOrSet('secret', () => 'of the tenant'));
    const forged = toId('tenant', 'secret');
    expect(() => cache.peek(forged)).toThrow(InvalidKeyError);
    expect(() => cache.peekLookup(forged)).toThrow(InvalidKeyError);
    expect(fleet.failure(cache.getOrSet(forged, () => 'loaded'))).toBeInstanceOf(InvalidKeyError);
    expect(fleet.failure(cache.lookup(forged, () => 'loaded'))).toBeInstanceOf(InvalidKeyError);
  });
});

/** What may stand in keys and namespaces: nothing that is a control character. */
const names = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((name) => !/[\u0000-\u001f]/.test(name));

describe('ids', () => {
  test('lead back to namespace and key, and no two pairs share one', () => {
    const pairs = fc.tuple(fc.array(names, { maxLength: 3 }), names);
    fc.assert(
      fc.property(pairs, pairs, ([outer, key], [otherOuter, otherKey]) => {
        const namespace = outer.reduce(nestedNamespace, '');
        const id = toId(namespace, key);
        expect(fromId(id)).toEqual({ namespace, key });
        const other = toId(otherOuter.reduce(nestedNamespace, ''), otherKey);
        expect(id === other).toBe(key === otherKey && Bun.deepEquals(outer, otherOuter));
      }),
    );
  });

  test('of a namespace’s own tag meet no tag of a user', () => {
    fc.assert(
      fc.property(names, names, (namespace, tag) => {
        expect(namespaceTag(namespace)).not.toBe(toId(namespace, tag));
        expect(namespaceTag(namespace)).not.toBe(toId('', tag));
        expect(namespaceTag(namespace)).not.toBe(ROOT_TAG);
      }),
    );
  });

  test('know what a namespace is inside of', () => {
    expect(namespaceChain('')).toEqual(['']);
    expect(namespaceChain(nestedNamespace(nestedNamespace('a', 'b'), 'c'))).toEqual([
      '',
      'a',
      'a\u001fb',
      'a\u001fb\u001fc',
    ]);
  });
});

describe('the group of a key', () => {
  const cases: readonly (readonly [key: string, group: string])[] = [
    ['product:17', 'product'],
    ['products:org:3:l100:a0', 'products'],
    ['user:session:9', 'user'],
    ['a.b-c_d2:1', 'a.b-c_d2'],
    [`${'x'.repeat(40)}:1`, 'x'.repeat(40)],
    [`${'x'.repeat(41)}:1`, 'other'],
    ['dashboard', 'other'],
    ['alice@example.com', 'other'],
    ['alice@example.com:cart', 'other'],
    ['Alice:cart', 'other'],
    ['17', 'other'],
    ['17:name', 'other'],
    ['ä:1', 'other'],
    [':', 'other'],
    ['a b:1', 'other'],
  ];
  for (const [key, group] of cases) test(`${JSON.stringify(key)} is ${group}`, () => expect(groupOf(key)).toBe(group));
});

test('errors name the key, are known by a guard, and cut what is too long to print', () => {
  const error = new InvalidKeyError('key', 'x'.repeat(2_000), 'is longer than 1024 bytes');
  expect(isCacheError(error)).toBe(true);
  expect(isCacheError(new Error('other'))).toBe(false);
  expect(error.message.length).toBeLessThan(150);
  expect(error.key).toHaveLength(2_000);
});
