import type { Attempt, AttemptKind } from '../attempt.ts';

const inspect = (name: string, key: string, refused: readonly number[] = [400]): Attempt => ({
  name,
  as: 'admin',
  path: `/api/v1/cache/entries/${key}`,
  refused,
});

const invalidate = (name: string, body: object, refused: readonly number[] = [400]): Attempt => ({
  name,
  as: 'admin',
  method: 'POST',
  path: '/api/v1/cache/invalidate',
  body: JSON.stringify(body),
  refused,
});

/** Keys, tags and patterns, from an admin who means harm: internal records, other namespaces, endless work. */
export const keys: AttemptKind = {
  kind: 'keys and patterns',
  attempts: [
    inspect('a key of a namespace, by its mark', '%01tenant%01product%3A1'),
    inspect('a key with a newline', 'a%0d%0ab'),
    inspect('a key with NUL', '%00'),
    inspect('a key with an escape character', '%1b%5b2J'),
    inspect('a key with a control character beyond ASCII', '%c2%9b2J'),
    inspect('a key that is no UTF-8', '%ff'),
    inspect('a key of half a percent sign', '%4'),
    inspect('a key of 1,025 bytes', 'k'.repeat(1_025)),
    inspect('the record of the namespace itself', '%7Btiercel%7D%3Ahistory', [404]),
    inspect('a key of Redis', '%7Btiercel.0%7D%3Ae%3A1', [404]),
    inspect('a key in double encoding', 'product%253A1', [404]),
    invalidate('a key with a control character', { keys: ['a\u0001b'] }),
    invalidate('a key with half a character', { keys: ['\ud800'] }),
    invalidate('an empty key', { keys: [''] }),
    invalidate('a key that is an object', { keys: [{ toString: 'x' }] }),
    invalidate('1,001 keys', { keys: Array.from({ length: 1_001 }, (_, n) => `k:${n}`) }),
    invalidate('a tag with a control character', { tags: ['\u0001\u0001'] }),
    invalidate('a tag of 2,000 bytes', { tags: ['t'.repeat(2_000)] }),
    invalidate('nothing at all', {}),
    invalidate('empty lists', { keys: [], tags: [] }),
    invalidate('a mode that is none', { keys: ['k:1'], mode: 'forget' }),
    invalidate('an unknown property', { keys: ['k:1'], namespace: 'other' }),
    invalidate('a pattern of 257 characters', { pattern: `${'*a'.repeat(128)}b` }),
    invalidate('a pattern with a newline', { pattern: 'a\n*' }),
    invalidate('an empty pattern', { pattern: '' }),
    invalidate('a pattern that is a list', { pattern: ['*'] }),
  ],
};
