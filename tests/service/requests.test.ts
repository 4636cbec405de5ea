import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { connect } from 'node:net';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { expectProblem } from './expect-problem.ts';
import { startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let service: TestService;

beforeAll(async () => {
  service = await startService({ TIERCEL_PROFILE: 'test' });
});

afterAll(() => service[Symbol.asyncDispose]());

describe('ids that are none', () => {
  const texts = [
    'abc',
    '-1',
    '0',
    '01',
    '1e99',
    '1.0',
    '0x10',
    '+1',
    '%2e%2e%2f',
    '*',
    '1%20',
    '%201',
    '1%00',
    '%EF%BC%91',
    '9007199254740992',
    '99999999999999999999',
    '1;',
    "1'--",
  ];
  for (const text of texts) {
    test(`${text} is a bad request in every place`, async () => {
      for (const path of [
        `/orgs/${text}/products`,
        `/orgs/1/products/${text}`,
        `/orgs/1/boms/${text}`,
        `/orgs/1/users/${text}/permissions`,
      ]) {
        await expectProblem(await service.api(path), 400);
      }
      await expectProblem(await service.send('PATCH', `/orgs/1/license-plates/${text}`, { location: 'A' }), 400);
    });
  }

  test('the greatest id of all is only absent', async () => {
    await expectProblem(await service.api('/orgs/1/products/9007199254740991'), 404);
  });
});

describe('a query', () => {
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e2',
    'limit=',
    'limit=01',
    'after=-1',
    'after=x',
    'limit=1&limit=2',
    'page=2',
    '__proto__=1',
  ]) {
    test(`?${query} is a bad request`, async () => {
      await expectProblem(await service.api(`/orgs/1/products?${query}`), 400);
    });
  }

  test('that is empty, or says the default, is the same as none', async () => {
    const plain = await (await service.api('/orgs/1/products')).text();
    for (const query of ['', 'limit=100', 'after=0', 'after=0&limit=100']) {
      const answer = await service.api(`/orgs/1/products?${query}`);
      expect([answer.headers.get('x-cache-tier'), await answer.text()]).toEqual(['l1', plain]);
    }
  });
});

describe('a body', () => {
  const patch = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => service.api('/orgs/1/products/1', { method: 'PATCH', headers, body });

  const bad: [name: string, body: string | Uint8Array<ArrayBuffer>][] = [
    ['nothing', ''],
    ['broken JSON', '{"name": "x"'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['null', 'null'],
    ['a list', '[]'],
    ['nothing to change', '{}'],
    ['a wrong type', '{"name":1}'],
    ['a number as text', '{"price":"1"}'],
    ['an unknown field', '{"name":"x","sku":"y"}'],
    ['a field of every object', '{"name":"x","__proto__":{"unit":"y"}}'],
    ['an empty name', '{"name":""}'],
    ['a name beyond its limit', JSON.stringify({ name: 'x'.repeat(201) })],
    ['a NUL', '{"name":"a\\u0000b"}'],
    ['half a character', '{"name":"\\ud800"}'],
    ['a negative price', '{"price":-0.01}'],
    ['a price beyond the column', '{"price":1e10}'],
    ['a number beyond all numbers', '{"price":1e999}'],
    ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ];
  for (const [name, body] of bad) {
    test(`with ${name} is a bad request`, async () => {
      await expectProblem(await patch(body), 400);
    });
  }

  test('of another type, or encoded, is not supported', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonx',
      'multipart/form-data; boundary=x',
    ]) {
      await expectProblem(await patch('{"name":"x"}', { 'content-type': type }), 415);
    }
    await expectProblem(
      await patch('{"name":"x"}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
      415,
    );
  });

  test('says all that is wrong with it', async () => {
    const { detail } = await expectProblem(
      await service.send('POST', '/orgs/1/products', { name: 1, price: 'x', colour: 'red' }),
      400,
    );
    for (const name of ['/sku', '/name', '/price', '/colour']) expect(detail).toContain(name);
  });

  test('is welcome with characters beyond U+FFFF, which count as one each', async () => {
    for (const name of ['😀', '𠮷野家', '👩‍👩‍👧', '😀'.repeat(200), `${'x'.repeat(199)}😀`]) {
      const answer = await patch(JSON.stringify({ name }));
      expect([answer.status, (await answer.json()).name]).toEqual([200, name]);
      expect((await (await service.api('/orgs/1/products/1')).json()).name).toBe(name);
    }
    for (const name of ['😀'.repeat(201), '\ud83d', '\ude00\ud83d', 'a\ud83d']) {
      const { detail } = await expectProblem(await patch(JSON.stringify({ name })), 400);
      expect(detail).toContain('/name: Expected a string of 1 to 200 characters');
    }
  });

  test('is not told back: of a name of 60 kB only the beginning', async () => {
    const answer = await patch(JSON.stringify({ [`<b>${'x'.repeat(60_000)}`]: 1, [`${'y'.repeat(79)}😀`]: 1 }));
    const { detail } = await expectProblem(answer, 400);
    expect(String(detail).length).toBeLessThan(500);
    expect(String(detail)).toContain(`/<b>${'x'.repeat(60)}`);
    expect(String(detail).isWellFormed()).toBe(true);
  });

  test('is welcome with a charset and at its limit', async () => {
    const text = JSON.stringify({ name: 'Fits' });
    const padded = text + ' '.repeat(64 * 1_024 - text.length);
    expect((await patch(padded, { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(200);
    await expectProblem(await patch(`${padded} `), 413);
    await expectProblem(await patch('x'.repeat(2 ** 20)), 413);
  });

  test('without a stated length is cut off at the limit', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      async pull(controller) {
        sent += 10_000;
        controller.enqueue(new Uint8Array(10_000).fill(0x20));
        await Bun.sleep(0);
      },
    });
    const answer = await service.api('/orgs/1/products/1', {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: endless,
    });
    await expectProblem(answer, 413);
    expect(sent).toBeLessThan(10 * 2 ** 20);
  });
});

describe('a path', () => {
  test('that does not exist is not found', async () => {
    for (const path of [
      '/api/v1',
      '/api/v1/orgs',
      '/api/v1/orgs/1/products/1/',
      '/api/v1/orgs/1/products/1/x',
      '/API/v1/orgs/1/products',
      '/nothing',
    ]) {
      await expectProblem(await fetch(service.url + path), 404);
    }
  });

  test('with another method names those that it has', async () => {
    const allowed: [method: string, path: string, allow: string][] = [
      ['PUT', '/orgs/1/products/1', 'DELETE, GET, HEAD, PATCH'],
      ['DELETE', '/orgs/1/products', 'GET, HEAD, POST'],
      ['GET', '/orgs/1/boms/1/items', 'PUT'],
      ['POST', '/cache', 'DELETE, GET, HEAD'],
      ['GET', '/cache/invalidate', 'POST'],
      ['DELETE', '/cache/entries/k', 'GET, HEAD'],
      ['OPTIONS', '/orgs/1/boms/1', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of allowed) {
      const answer = await service.api(path, { method });
      expect(answer.headers.get('allow')).toBe(allow);
      await expectProblem(answer, 405);
    }
  });

  test('that climbs is refused as it is written', async () => {
    for (const path of [
      '/api/v1/orgs/1/products/..',
      '/api/v1/orgs/1/products/../1',
      '/api/v1/orgs/1/products/..%2f..%2fcache',
    ]) {
      expect(await rawStatus(path)).toMatch(/^HTTP\/1\.1 40[04]/);
    }
  });

  test('that is a method of every object is not found', async () => {
    await expectProblem(await fetch(`${service.url}/constructor`), 404);
    await expectProblem(await service.api('/orgs/__proto__/products'), 400);
  });
});

test('every answer keeps browsers from guessing its type, whatever it is', async () => {
  const json = { 'content-type': 'application/json' };
  const product = `${service.url}/api/v1/orgs/1/products/1`;
  await fetch(product);
  const etag = (await fetch(product)).headers.get('etag') ?? '';
  const asked: [status: number, path: string, init?: RequestInit][] = [
    [200, '/'],
    [200, '/openapi'],
    [200, '/openapi/json'],
    [200, '/openapi/start.js'],
    [200, '/openapi/scalar.css'],
    [200, '/livez'],
    [200, '/readyz'],
    [200, '/api/v1/orgs/1/products'],
    [200, '/api/v1/orgs/1/products/1'],
    [200, '/api/v1/orgs/1/products/1', { method: 'HEAD' }],
    [304, '/api/v1/orgs/1/products/1', { headers: { 'if-none-match': etag } }],
    [404, '/api/v1/orgs/1/products/999999'],
    [404, '/nothing'],
    [405, '/api/v1/orgs/1/products', { method: 'DELETE' }],
    [401, '/api/v1/cache'],
    [400, '/api/v1/orgs/1/products/x'],
    [415, '/api/v1/orgs/1/products/1', { method: 'PATCH', body: 'x' }],
    [200, '/api/v1/orgs/1/products/1', { method: 'PATCH', body: '{"unit":"kg"}', headers: json }],
    [201, '/api/v1/orgs/1/products', { method: 'POST', body: '{"sku":"SEAL","name":"x","price":1}', headers: json }],
    [204, '/api/v1/orgs/1/products/2', { method: 'DELETE' }],
  ];
  for (const [status, path, init] of asked) {
    const answer = await fetch(service.url + path, init);
    expect([path, answer.status, answer.headers.get('x-content-type-options')]).toEqual([path, status, 'nosniff']);
  }
});

/** Asks without a client that would tidy up the path. */
function rawStatus(path: string): Promise<string> {
  const { hostname, port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`),
    );
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString();
    });
    socket.on('end', () => resolve(answer.split('\r\n', 1)[0] ?? ''));
    socket.on('error', reject);
  });
}
