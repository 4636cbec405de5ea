import type { Attempt, AttemptKind } from '../attempt.ts';

const PATH = '/api/v1/orgs/1/products/1';

const presenting = (name: string, line: string, path = PATH): Attempt => ({
  name,
  as: null,
  path,
  lines: [line],
  refused: [400, 401],
});

/** Texts in place of a good token, and good tokens on routes that they do not open. */
export const tokens: AttemptKind = {
  kind: 'tokens',
  attempts: [
    { name: 'no token', as: null, path: PATH, refused: [401] },
    {
      name: 'no token, on a write',
      as: null,
      method: 'PATCH',
      path: PATH,
      body: '{"name":"Taken over"}',
      refused: [401],
    },
    { name: 'no token, on statistics', as: null, path: '/api/v1/cache', refused: [401] },
    { name: 'no token, on the flush', as: null, method: 'DELETE', path: '/api/v1/cache', refused: [401] },
    { name: 'an expired token', as: 'expired', path: PATH, refused: [401] },
    { name: 'a revoked token', as: 'revoked', path: PATH, refused: [401] },
    presenting('an empty token', 'authorization: Bearer '),
    presenting('a token of the right form', `authorization: Bearer tct_${'A'.repeat(43)}`),
    presenting('a token of another form', 'authorization: Bearer x'),
    presenting('a token with a quote', "authorization: Bearer ' or 1=1 --"),
    presenting('a token of 10 kB', `authorization: Bearer ${'a'.repeat(10_000)}`),
    presenting(
      'a JSON web token without a signature',
      'authorization: Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoiYWRtaW4ifQ.',
    ),
    presenting('basic authentication', `authorization: Basic ${btoa('admin:admin')}`),
    presenting('undefined', 'authorization: Bearer undefined'),
    presenting('null', 'authorization: Bearer null'),
    presenting('another header', 'x-api-key: admin'),
    presenting('a token in the query', 'x: 1', `${PATH}?token=admin&access_token=admin`),
    {
      name: 'a reader on a write',
      as: 'reader',
      method: 'PATCH',
      path: PATH,
      body: '{"name":"Taken over"}',
      refused: [403],
    },
    { name: 'a reader on a delete', as: 'reader', method: 'DELETE', path: PATH, refused: [403] },
    { name: 'a writer on statistics', as: 'writer', path: '/api/v1/cache', refused: [403] },
    { name: 'a writer on the flush', as: 'writer', method: 'DELETE', path: '/api/v1/cache', refused: [403] },
    { name: 'a writer on an inspection', as: 'writer', path: '/api/v1/cache/entries/product%3A1', refused: [403] },
    {
      name: 'a writer on the breaker',
      as: 'writer',
      method: 'POST',
      path: '/api/v1/cache/breaker',
      body: '{"tier":"l2","state":"open"}',
      refused: [403],
    },
    { name: 'a viewer on the flush', as: 'viewer', method: 'DELETE', path: '/api/v1/cache', refused: [403] },
    {
      name: 'a viewer on an invalidation',
      as: 'viewer',
      method: 'POST',
      path: '/api/v1/cache/invalidate',
      body: '{"pattern":"*"}',
      refused: [403],
    },
    {
      name: 'a viewer on a write',
      as: 'viewer',
      method: 'PATCH',
      path: PATH,
      body: '{"name":"Taken over"}',
      refused: [403],
    },
    { name: 'a viewer on a warm-up', as: 'viewer', method: 'POST', path: '/api/v1/cache/warm', refused: [403] },
  ],
};
