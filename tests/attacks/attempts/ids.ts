import type { Attempt, AttemptKind } from '../attempt.ts';

const TEXTS: Readonly<Record<string, string>> = {
  zero: '0',
  'a negative number': '-1',
  'a sign': '+1',
  'a leading zero': '01',
  'a fraction': '1.0',
  'an exponent': '1e0',
  'a great exponent': '1e99',
  hexadecimal: '0x1',
  'a number beyond 2^53': '9007199254740993',
  'a number of 400 digits': '9'.repeat(400),
  'another script’s digit': '%EF%BC%91',
  'a space': '1%20',
  'no number': 'NaN',
  'a list': '1,2',
  SQL: "1'%20or%20'1'='1",
  'SQL behind a comment': '1;--',
  'a statement': '1;drop%20table%20products',
  'a glob': '*',
  'the name of a prototype': '__proto__',
  'the name of a constructor': 'constructor',
  'an environment’s name in braces': '%24%7BADMIN_TOKEN%7D',
  'bytes that are no UTF-8': '%ff%fe',
};

const asId = ([name, text]: [string, string]): Attempt => ({
  name: `${name} as an id`,
  path: `/api/v1/orgs/1/products/${text}`,
  refused: [400],
});

/** Texts that some parsers take for an id. */
export const ids: AttemptKind = {
  kind: 'ids',
  attempts: [
    ...Object.entries(TEXTS).map(asId),
    { name: 'an org that is none', path: '/api/v1/orgs/1e0/products', refused: [400, 404] },
    { name: 'an org in hexadecimal', path: '/api/v1/orgs/0x1/products/1', refused: [400, 404] },
    { name: 'an org with a leading zero', path: '/api/v1/orgs/01/products/1', refused: [400, 404] },
  ],
};
