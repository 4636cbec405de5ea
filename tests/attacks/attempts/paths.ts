import type { AttemptKind } from '../attempt.ts';

const PRODUCT = '/api/v1/orgs/1/products/1';

/** Other spellings of a path that is guarded, and ways out of the folder that files are served from. */
export const paths: AttemptKind = {
  kind: 'paths',
  attempts: [
    { name: 'climbing to the system’s files', path: '/../../../../etc/passwd', refused: [400, 404] },
    { name: 'climbing in percent-encoding', path: '/%2e%2e/%2e%2e/etc/passwd', refused: [400, 404] },
    { name: 'climbing in double encoding', path: '/%252e%252e/%252e%252e/etc/passwd', refused: [404] },
    { name: 'climbing with a backslash', path: '/..\\..\\etc\\passwd', refused: [400, 404] },
    { name: 'climbing out of the pages’ files', path: '/openapi/../../package.json', refused: [400, 404] },
    { name: 'climbing out of the pages’ files, encoded', path: '/openapi/..%2f..%2fpackage.json', refused: [404] },
    { name: 'the sources', path: '/src/service/main.ts', refused: [404] },
    { name: 'the environment', path: '/.env', refused: [404] },
    { name: 'the version control’s folder', path: '/.git/config', refused: [404] },
    { name: 'an id that ends with NUL', path: `${PRODUCT}%00`, refused: [400] },
    { name: 'an id that ends with NUL and a suffix', path: `${PRODUCT}%00.json`, refused: [400] },
    { name: 'a path parameter', path: '/api/v1/orgs/1/products/1;admin=true', refused: [400, 404] },
    { name: 'a slash at the end of an operators’ route', path: '/api/v1/cache/', refused: [404] },
    { name: 'two slashes before an operators’ route', path: '//api/v1/cache', refused: [404] },
    { name: 'a dot in an operators’ route', path: '/api/v1/./cache', refused: [400, 403, 404] },
    { name: 'capitals in an operators’ route', path: '/API/V1/CACHE', refused: [404] },
    { name: 'an encoded letter in an operators’ route', path: '/api/v1/c%61che', refused: [403, 404] },
    { name: 'a prefix before an operators’ route', path: '/zz/api/v1/cache', refused: [404] },
    { name: 'a carriage return in the path', path: `${PRODUCT}%0d%0aX-Injected:1`, refused: [400] },
    {
      name: 'another server’s address as the target',
      path: 'http://evil.example/api/v1/cache',
      refused: [400, 403, 404, 421],
    },
    { name: 'an asterisk as the target', method: 'OPTIONS', path: '*', refused: [400, 404, 405] },
    { name: 'a path of 20 kB', path: `/${'a'.repeat(20_000)}`, refused: [400, 404, 413, 414, 431] },
    { name: 'an unknown method', method: 'BREW', path: PRODUCT, refused: [400, 404, 405, 501] },
    { name: 'TRACE', method: 'TRACE', path: PRODUCT, refused: [400, 404, 405] },
    { name: 'CONNECT', method: 'CONNECT', path: 'evil.example:443', refused: [400, 404, 405] },
  ],
};
