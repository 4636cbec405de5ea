import { describe, expect, test } from 'bun:test';
import { strongEtag } from '../../../src/adapters/elysia/etag.ts';
import { ifNoneMatch } from '../../../src/adapters/elysia/if-none-match.ts';

describe('the entity tag', () => {
  test('is strong, stable and well formed', () => {
    const etag = strongEtag('{"id":1}');
    expect(etag).toBe(strongEtag('{"id":1}'));
    expect(etag).toMatch(/^"[\x21\x23-\x7e]+"$/);
  });

  test('differs for bodies that differ in one character', () => {
    const bodies = Array.from({ length: 20_000 }, (_, id) => `{"id":${id},"name":"Bolt"}`);
    expect(new Set(bodies.map(strongEtag)).size).toBe(bodies.length);
  });

  test('differs for an empty body and for Unicode twins', () => {
    expect(new Set(['', 'é', 'e\u0301', '\u0000'].map(strongEtag)).size).toBe(4);
  });
});

describe('If-None-Match', () => {
  const etag = '"a-1"';
  const matching = [
    '"a-1"',
    'W/"a-1"',
    '*',
    ' * ',
    '"x", "a-1"',
    'W/"x",W/"a-1"',
    '"x,y" , "a-1"',
    ',, "a-1"',
    '"", "a-1"',
  ];
  const others = [
    '',
    '"a-2"',
    'a-1',
    '"a-1',
    'w/"a-1"',
    '"x" "a-1"',
    '**',
    '"x", nonsense, "a-1"',
    '"a-1"x',
    `${'"x", '.repeat(50_000)}"`,
    ' '.repeat(100_000),
  ];

  for (const field of matching) test(`${field} matches`, () => expect(ifNoneMatch(field, etag)).toBe(true));
  for (const field of others) {
    test(`${field.slice(0, 20)} (${field.length} characters) does not`, () =>
      expect(ifNoneMatch(field, etag)).toBe(false));
  }
});
