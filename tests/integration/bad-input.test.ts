import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { runService, type ServiceProcess } from '../support/service-process.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { productPath } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { type RawAnswer, type RawRequest, rawRequest } from './support/raw-http.ts';

setDefaultTimeout(30_000);

const MEBIBYTE = 2 ** 20;
const PRODUCT = productPath(1);
const JSON_TYPE = { 'content-type': 'application/json' };
const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
};

const owned = new AsyncDisposableStack();
let service: ServiceProcess;

beforeAll(async () => {
  const { env } = owned.use(await makeCatalogEnvironment());
  service = await startInstance(owned, env);
}, 60_000);

// The end of the instance is a check too: nothing that was sent here may have been an error of the service.
afterAll(() => owned.disposeAsync());

const send = (request: RawRequest) => rawRequest(service.url, request);
const patch = (body: string | Uint8Array, path = PRODUCT) =>
  send({
    method: 'PATCH',
    path,
    headers: { ...JSON_TYPE, 'content-length': String(Buffer.byteLength(body)) },
    body,
  });

/** Checks that an answer is a whole problem document (RFC 9457) about its request, and tells nothing of the inside. */
function expectProblem(answer: RawAnswer, status: number, path: string): void {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  const problem: unknown = JSON.parse(answer.body);
  expect(problem).toEqual({
    type: 'about:blank',
    title: TITLES[status] ?? '',
    status,
    detail: expect.stringMatching(/\w/),
    instance: new URL(service.url + path).pathname,
  });
  expect(answer.body).not.toMatch(/select |insert |update |postgres|\.ts\b|node_modules|\bat \w+ \(/i);
  expect(answer.headers.get('etag')).toBeNull();
}

describe('an id that is none', () => {
  const TEXTS = [
    'abc',
    '-1',
    '0',
    '01',
    '1e99',
    '1.0',
    '0x10',
    '+1',
    '*',
    '1%00',
    '1%0d%0aX:1',
    '%2e%2e',
    '..%2f1',
    '%EF%BC%91',
    "1'or'1",
    'NaN',
    'null',
    '__proto__',
    String(2 ** 53),
    '9'.repeat(400),
  ];
  for (const text of TEXTS) {
    test(text.length > 30 ? `${text.slice(0, 5)}… (${text.length} digits)` : text, async () => {
      const paths = [`/api/v1/orgs/1/products/${text}`, `/api/v1/orgs/1/boms/${text}`, `/api/v1/orgs/${text}/products`];
      for (const path of paths) expectProblem(await send({ path }), 400, path);
      const path = `/api/v1/orgs/1/license-plates/${text}`;
      expectProblem(await patch('{"location":"A"}', path), 400, path);
    });
  }

  test('in a query', async () => {
    for (const query of [
      'limit=0',
      'limit=1001',
      'limit=abc',
      'limit=1.0',
      'limit=',
      'after=-1',
      'after=1e3',
      'x=1',
      'limit=1&limit=1',
    ]) {
      const path = `/api/v1/orgs/1/products?${query}`;
      expectProblem(await send({ path }), 400, path);
    }
  });
});

describe('a path that leads nowhere', () => {
  test('because nothing is there', async () => {
    const paths = [
      '/api/v1/orgs/999/products',
      '/api/v1/orgs/999/products/1',
      '/api/v1/orgs/1/products/9007199254740991',
      '/api/v1/nothing',
      '/nothing',
      '//',
      '/constructor',
      '/api/v1/orgs/1/products/1/',
    ];
    for (const path of paths) expectProblem(await send({ path }), 404, path);
  });

  test('because it climbs: it is taken as it is written, or as the request of what it amounts to', async () => {
    for (const path of [
      '/api/v1/orgs/1/products/..',
      '/api/v1/orgs/1/products/../../2/products/101',
      '/../etc/passwd',
    ]) {
      const { status, body } = await send({ path });
      expect([200, 400, 404]).toContain(status);
      expect(body).not.toContain('root:');
    }
  });
});

describe('a method that a path does not take', () => {
  test.each([
    ['PUT', PRODUCT, 'DELETE, GET, HEAD, PATCH'],
    ['POST', PRODUCT, 'DELETE, GET, HEAD, PATCH'],
    ['DELETE', '/api/v1/orgs/1/products', 'GET, HEAD, POST'],
    ['GET', '/api/v1/orgs/1/boms/1/items', 'PUT'],
    ['PATCH', '/api/v1/orgs/1/boms/1', 'GET, HEAD'],
    ['OPTIONS', '/livez', 'GET, HEAD'],
  ])('%s %s is 405 and names those it takes', async (method, path, allow) => {
    const answer = await send({ method, path });
    expect(answer.headers.get('allow')).toBe(allow);
    expectProblem(answer, 405, path);
  });
});

describe('a body', () => {
  const BAD: Readonly<Record<string, string | Uint8Array>> = {
    'that is empty': '',
    'of broken JSON': '{"name": "x"',
    'of two documents': '{"name":"x"}{"name":"y"}',
    'that is no UTF-8': new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
    'that is null': 'null',
    'that is a list': '[{"name":"x"}]',
    'that is a text': '"name"',
    'that changes nothing': '{}',
    'with a number for a text': '{"name":1}',
    'with a text for a number': '{"price":"1"}',
    'with null for a text': '{"name":null}',
    'with an object for a text': '{"name":{"toString":"x"}}',
    'with a field that the route does not know': '{"name":"x","colour":"red"}',
    'with a field that may not change': '{"name":"x","id":2}',
    'with a price below nothing': '{"price":-1}',
    'with a price beyond all numbers': '{"price":1e999}',
    'with a NUL': '{"name":"a\\u0000b"}',
    'with half a character': '{"name":"\\ud83d"}',
    'with a name that is too long': JSON.stringify({ name: 'x'.repeat(201) }),
    'that is deeply nested': `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  };
  for (const [name, body] of Object.entries(BAD)) {
    test(`${name} is a bad request`, async () => expectProblem(await patch(body), 400, PRODUCT));
  }

  test('that would pollute every object is a bad request, and pollutes none', async () => {
    for (const body of [
      '{"__proto__":{"polluted":true}}',
      '{"name":"x","__proto__":{"unit":"polluted"}}',
      '{"constructor":{"prototype":{"polluted":true}}}',
      '{"name":"x","constructor":{"prototype":{"unit":"polluted"}}}',
    ]) {
      expectProblem(await patch(body), 400, PRODUCT);
    }
    const after = await send({ path: PRODUCT });
    expect([after.status, after.body.includes('polluted')]).toEqual([200, false]);
  });

  test('of a BOM with wrong items is a bad request', async () => {
    const path = '/api/v1/orgs/1/boms/1/items';
    const item = { productId: 1, quantity: 1, unit: 'each' };
    const bodies = [
      [],
      {},
      [1],
      [{ ...item, productId: 0 }],
      [{ ...item, x: 1 }],
      [{ ...item, productId: 101 }],
      Array(501).fill(item),
    ];
    for (const body of bodies) {
      const text = JSON.stringify(body);
      const headers = { ...JSON_TYPE, 'content-length': String(Buffer.byteLength(text)) };
      expectProblem(await send({ method: 'PUT', path, headers, body: text }), 400, path);
    }
  });

  test('of another type, or encoded, is not supported', async () => {
    const types = [
      'text/plain',
      'application/jsonp',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      '',
    ];
    for (const type of types) {
      const headers = { 'content-type': type, 'content-length': '12' };
      expectProblem(await send({ method: 'PATCH', path: PRODUCT, headers, body: '{"name":"x"}' }), 415, PRODUCT);
    }
    const headers = { ...JSON_TYPE, 'content-encoding': 'br', 'content-length': '12' };
    expectProblem(await send({ method: 'PATCH', path: PRODUCT, headers, body: '{"name":"x"}' }), 415, PRODUCT);
  });

  test('of a mebibyte is too large, whether it says so or not', async () => {
    // By a client that reads an answer which comes before the request has been sent to its end.
    const send = async (body: BodyInit): Promise<RawAnswer> => {
      const answer = await service.fetch(PRODUCT, { method: 'PATCH', headers: JSON_TYPE, body });
      return { status: answer.status, headers: answer.headers, body: await answer.text() };
    };
    expectProblem(await send(JSON.stringify({ name: 'x'.repeat(MEBIBYTE) })), 413, PRODUCT);
    const pieces = Array.from({ length: 64 }, () => new Uint8Array(MEBIBYTE / 64).fill(0x20));
    expectProblem(await send(new ReadableStream({ start: (stream) => enqueueAll(stream, pieces) })), 413, PRODUCT);
  });

  test('that is refused has changed nothing, and the service goes on', async () => {
    expect(JSON.parse((await send({ path: PRODUCT })).body)).toMatchObject({ id: 1, version: 1 });
    expect((await patch('{"name":"Right"}')).status).toBe(200);
    expect(JSON.parse((await send({ path: PRODUCT })).body)).toMatchObject({ name: 'Right' });
  });
});

function enqueueAll(stream: ReadableStreamDefaultController<Uint8Array>, pieces: readonly Uint8Array[]): void {
  for (const piece of pieces) stream.enqueue(piece);
  stream.close();
}

test('a wrong configuration lists every error and ends with 78 before anything listens', async () => {
  const wrong = {
    PORT: '65536',
    DATABASE_URL: 'mysql://user:hunter2@db/catalog',
    REDIS_URL: 'http://hunter2@cache',
    REDIS_TIMEOUT_MS: '-1',
    CACHE_L1_MAX_BYTES: '64MB',
    CACHE_MAX_LAG_MS: 'soon',
    CACHE_TTL_BOM: '-1s',
    CACHE_TTL_PRODCUT: '1m',
    CACHE_DISABLED: 'yes',
    ADMIN_TOKEN: 'hunter2',
    MIGRATE: 'never',
  };
  const { status, output } = await runService(wrong);
  expect(status).toBe(78);
  const lines = output.split('\n');
  for (const name of Object.keys(wrong)) expect(lines.filter((line) => line.trim().startsWith(name))).toHaveLength(1);
  expect(output).not.toContain('hunter2');
  expect(output).not.toContain('listening');
});
