import type { Attempt, AttemptKind } from '../attempt.ts';

const PRODUCT = '/api/v1/orgs/1/products/1';

const under = (name: string, host: string | null, refused: readonly number[] = [400, 421]): Attempt => ({
  name,
  host,
  path: PRODUCT,
  refused,
});

/** Names under which the service does not answer, and texts that are none: routers find the path behind them. */
export const hosts: AttemptKind = {
  kind: 'hosts',
  attempts: [
    under('another site’s name, as DNS rebinding sends it', 'evil.example', [421]),
    under('another site’s name with the port', 'evil.example:3000', [421]),
    under('a name that begins with an allowed one', 'shop.example.evil.example', [421]),
    under('a name that ends with an allowed one', 'evilshop.example', [421]),
    under('an address of the network', '10.0.0.1', [421]),
    under('the address of a cloud’s metadata', '169.254.169.254', [421]),
    under('a loopback name that is not in the list', 'localhost', [421]),
    under('an IPv6 loopback that is not in the list', '[::1]', [421]),
    under('the address written as one number', '2130706433', [421]),
    under('the address in octal', '0177.0.0.1', [421]),
    under('a user before the name', 'shop.example@evil.example'),
    under('a space', 'shop.example evil.example'),
    under('two names in one header', 'shop.example, evil.example'),
    under('a port that is none', 'shop.example:http'),
    under('a port of six digits', 'shop.example:123456'),
    under('an empty name', ''),
    under('no header at all', null),
    { name: 'a slash, which shifts the path', host: 'x/zz', path: '/api/v1/cache', refused: [400, 421] },
    { name: 'one letter and a foreign prefix', host: 'x', path: '/zz/api/v1/cache', refused: [404, 421] },
    {
      name: 'one letter and a foreign prefix, as an admin',
      as: 'admin',
      host: 'x',
      path: '/zz/api/v1/cache',
      refused: [404, 421],
    },
    {
      name: 'a question mark, which ends the path',
      host: 'shop.example?x',
      path: '/api/v1/cache',
      refused: [400, 421],
    },
    { name: 'a number sign', host: 'shop.example#x', path: '/api/v1/cache', refused: [400, 421] },
    {
      name: 'a second header with an allowed name',
      host: 'evil.example',
      lines: ['host: shop.example'],
      path: PRODUCT,
      refused: [400, 421],
    },
    {
      name: 'an allowed name first and another second',
      host: 'shop.example',
      lines: ['host: evil.example'],
      path: PRODUCT,
      refused: [400, 421],
    },
    {
      name: 'an allowed name in X-Forwarded-Host',
      host: 'evil.example',
      lines: ['x-forwarded-host: shop.example'],
      path: PRODUCT,
      refused: [421],
    },
    {
      name: 'an allowed name in Forwarded',
      host: 'evil.example',
      lines: ['forwarded: host=shop.example'],
      path: PRODUCT,
      refused: [421],
    },
    { name: 'a name that is not allowed, on a page', host: 'evil.example', path: '/openapi', refused: [421] },
    { name: 'a name that is not allowed, on no route', host: 'evil.example', path: '/nothing', refused: [421] },
    {
      name: 'a name that is not allowed, on an operators’ route, as an admin',
      as: 'admin',
      method: 'DELETE',
      host: 'evil.example',
      path: '/api/v1/cache',
      refused: [421],
    },
  ],
};
