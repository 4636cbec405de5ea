import type { Attempt, AttemptKind } from '../attempt.ts';

const PATH = '/api/v1/orgs/1/products/1';
const BODY = '{"name":"Taken over"}';

const change = (name: string, lines: readonly string[], refused: readonly number[], body?: string): Attempt => ({
  name,
  method: 'PATCH',
  path: PATH,
  as: 'writer',
  lines,
  ...(body === undefined ? {} : { body }),
  refused,
});

const viewed = (name: string, line: string): Attempt => ({
  name,
  path: '/api/v1/cache',
  as: 'reader',
  lines: [line],
  refused: [400, 403],
});

/** Headers that other servers take for a right, a method or the end of a request. */
export const headers: AttemptKind = {
  kind: 'headers',
  attempts: [
    change('a body in another type', [`content-length: ${BODY.length}`, 'content-type: text/plain', '', BODY], [415]),
    change(
      'a body as a form',
      [`content-length: ${BODY.length}`, 'content-type: application/x-www-form-urlencoded', '', BODY],
      [415],
    ),
    change(
      'a body in a type that begins as JSON',
      [`content-length: ${BODY.length}`, 'content-type: application/jsonx', '', BODY],
      [415],
    ),
    change('a body without a type', [`content-length: ${BODY.length}`, '', BODY], [415]),
    change('a body that is said to be compressed', ['content-encoding: gzip'], [415], BODY),
    change(
      'a length and chunks at once',
      [
        `content-length: ${BODY.length}`,
        'content-type: application/json',
        'transfer-encoding: chunked',
        '',
        '0',
        '',
        '',
      ],
      [400],
    ),
    change(
      'two lengths',
      ['content-type: application/json', `content-length: ${BODY.length}`, 'content-length: 0', '', BODY],
      [400],
    ),
    change('a length that is negative', ['content-type: application/json', 'content-length: -1', '', BODY], [400, 413]),
    change(
      'a length that is no number',
      ['content-type: application/json', 'content-length: ten', '', BODY],
      [400, 413],
    ),
    change(
      'a length of 10 GB',
      ['content-type: application/json', 'content-length: 10000000000', '', BODY],
      [400, 413],
    ),
    change(
      'an unknown transfer coding',
      ['content-type: application/json', 'transfer-encoding: xchunked', '', BODY],
      [400, 415, 501],
    ),
    viewed('a claim of another URL', 'x-original-url: /livez'),
    viewed('a claim of another path', 'x-rewrite-url: /livez'),
    viewed('a claim of an address within', 'x-forwarded-for: 127.0.0.1'),
    viewed('a claim of a role', 'x-role: admin'),
    viewed('a claim of a user', 'x-forwarded-user: admin'),
    viewed('a cookie instead of a token', 'cookie: token=admin; role=admin'),
    viewed('another method by a header', 'x-http-method-override: DELETE'),
    { name: 'a line without a colon', path: '/api/v1/cache', lines: ['no colon here'], refused: [400, 403] },
    {
      name: 'a header of 40 kB',
      path: '/api/v1/cache',
      lines: [`x-long: ${'x'.repeat(40_000)}`],
      refused: [400, 403, 413, 431],
    },
    {
      name: 'two hundred headers',
      path: '/api/v1/cache',
      lines: [...Array(200).keys()].map((n) => `x-${n}: 1`),
      refused: [400, 403, 431],
    },
    { name: 'NUL in a header', path: '/api/v1/cache', lines: ['x-nul: a\u0000b'], refused: [400, 403] },
    {
      name: 'If-None-Match with everything, on another org’s row',
      path: '/api/v1/orgs/2/products/101',
      lines: ['if-none-match: *'],
      refused: [404],
    },
  ],
};
