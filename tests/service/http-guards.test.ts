import { afterEach, describe, expect, test } from 'bun:test';
import { type AppOptions, createApp } from '../../src/service/http/app.ts';
import { hostGuard } from '../../src/service/http/host-guard.ts';
import { Problem, problemResponse } from '../../src/service/http/problem.ts';
import type { Route } from '../../src/service/http/route.ts';
import { listen, type RunningServer } from '../../src/service/http/server.ts';
import { createLogger } from '../../src/service/logging/logger.ts';
import { refusalLog } from '../../src/service/logging/refusal-log.ts';
import { until } from '../../src/testing/until.ts';
import { exchange } from '../attacks/wire.ts';

let server: RunningServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const route = (path: string, handle: Route['handle'], isProbe = false): Route => ({
  method: 'GET',
  path,
  handle,
  isProbe,
});
const ROUTES = [
  route('/guarded/:id', ({ params }) => Response.json(params)),
  route('/livez', () => new Response('ok'), true),
];

/** A server with these routes, and what it says to one request as it goes over the wire. */
function serve(routes: readonly Route[], options: Partial<AppOptions> = {}) {
  const app = createApp(routes, { traced: false, onUnexpected: (error) => console.error(error), ...options });
  const running = listen(app, { host: '127.0.0.1', port: 0 });
  server = running;
  return async (path: string, lines: readonly string[], version = '1.1') => {
    const head = [`GET ${path} HTTP/${version}`, 'connection: close', ...lines];
    return exchange(running.url, Buffer.from(`${head.join('\r\n')}\r\n\r\n`));
  };
}

describe('the Host of a request', () => {
  test('shifts no path: what stands before a route is part of the path, however short the Host is', async () => {
    const ask = serve(ROUTES);
    for (const host of ['x', 'ab', 'a.b', 'x:80', 'a-host-of-some-length.example']) {
      expect((await ask('/guarded/1', [`host: ${host}`])).status).toBe(200);
      for (const prefix of ['/z', '/zz', '/zzz', '/zzzzzz', '/zzzzzzzzzz'])
        expect((await ask(`${prefix}/guarded/1`, [`host: ${host}`])).status).toBe(404);
    }
  });

  test.each([
    ['a slash', ['host: x/zz']],
    ['a question mark', ['host: x?zz']],
    ['a number sign', ['host: x#zz']],
    ['a user', ['host: a@b']],
    ['a space', ['host: a b']],
    ['a comma', ['host: a,b']],
    ['a port that is none', ['host: a:b']],
    ['a port that is too high', ['host: a:65536']],
    ['nothing in it', ['host: ']],
    ['a second one', ['host: a', 'host: a']],
  ])('that holds %s is a bad request, with a route and without', async (_, lines) => {
    const ask = serve(ROUTES);
    for (const path of ['/guarded/1', '/zzzzzzz/guarded/1', '/nothing'])
      expect((await ask(path, lines)).status).toBe(400);
  });

  test('that is left out, as HTTP/1.0 may, is a bad request but for a probe', async () => {
    const ask = serve(ROUTES);
    for (const path of ['/guarded/1', '/zzzzzzz/guarded/1', '/nothing'])
      expect((await ask(path, [], '1.0')).status).toBe(400);
    expect((await ask('/livez', [], '1.0')).status).toBe(200);
  });

  test('must be in the list, in any case, with any port; the rest is told of', async () => {
    const refused: string[] = [];
    const checkHost = hostGuard(['Shop.example', '*.shop.example', '[::1]'], (host) => refused.push(host));
    const ask = serve(ROUTES, { checkHost });
    for (const host of [
      'shop.example',
      'SHOP.EXAMPLE:8080',
      'shop.example.',
      'eu.shop.example',
      'a.b.shop.example',
      '[::1]:80',
    ])
      expect([host, (await ask('/guarded/1', [`host: ${host}`])).status]).toEqual([host, 200]);
    const others = ['evil.example', 'evilshop.example', 'shop.example.evil', '127.0.0.1', 'localhost', '[::2]'];
    for (const host of others) {
      for (const path of ['/guarded/1', '/nothing']) {
        const { status, head, body } = await ask(path, [`host: ${host}`]);
        expect([status, JSON.parse(body).title]).toEqual([421, 'Misdirected Request']);
        expect(head).toContain('x-content-type-options: nosniff');
      }
      expect((await ask('/livez', [`host: ${host}`])).status).toBe(200);
    }
    expect(refused).toEqual(others.flatMap((host) => [host, host]));
  });

  test('counts as the header does where the target names one too, as in absolute form', () => {
    const refused: string[] = [];
    const check = hostGuard(['shop.example', '[::1]'], (host) => refused.push(host));
    const ask = (url: string, host = 'shop.example') => check(new Request(url, { headers: { host } }));
    const asFor = (url: string, host?: string) => () => ask(url, host);
    for (const [url, host] of [
      ['http://shop.example/a', 'shop.example'],
      ['http://SHOP.example:80/a', 'Shop.Example'],
      ['http://shop.example:3000/a', 'shop.example:3000'],
      ['http://[::1]:3000/a', 'shop.example'],
    ] as const)
      expect([url, ask(url, host)]).toEqual([url, undefined]);
    const problem = expect.objectContaining({ status: 421 });
    for (let times = 0; times < 2; times += 1) {
      expect(asFor('http://evil.example/a')).toThrow(problem);
      expect(asFor('http://shop.example.evil.example/a')).toThrow(problem);
      expect(asFor('http://shop.example/a', 'evil.example')).toThrow(problem);
      expect(asFor('http://shop.example/a')).not.toThrow();
    }
    const foreign = ['evil.example', 'shop.example.evil.example', 'evil.example'];
    expect(refused).toEqual([...foreign, ...foreign]);
  });

  test('is a loopback name where that is the rule, which no name of another site is', async () => {
    const ask = serve(ROUTES, { checkHost: hostGuard('loopback') });
    for (const host of ['localhost:3000', '127.0.0.1', '127.1.2.3:80', '[::1]:3000'])
      expect((await ask('/guarded/1', [`host: ${host}`])).status).toBe(200);
    for (const host of ['localhost.evil.example', '127.0.0.1.evil.example', '0.0.0.0', '2130706433', '10.0.0.1'])
      expect((await ask('/guarded/1', [`host: ${host}`])).status).toBe(421);
  });
});

describe('requests under way', () => {
  test('are limited: beyond the limit 503 at once, probes excepted, and one that ends makes room, however it ends', async () => {
    const held: PromiseWithResolvers<Response>[] = [];
    const hold = () => {
      const next = Promise.withResolvers<Response>();
      held.push(next);
      return next.promise;
    };
    let told = 0;
    const onOverload = () => {
      told += 1;
    };
    const ask = serve([...ROUTES, route('/held', hold)], { maxRequests: 2, onOverload });
    const host = ['host: a'];
    const waiting = [ask('/held', host), ask('/held', host)];
    await until(() => held.length === 2, { what: 'both to be under way' });

    for (const path of ['/held', '/guarded/1']) {
      const { status, head } = await ask(path, host);
      expect(status).toBe(503);
      expect(head).toContain('retry-after: 1');
    }
    expect((await ask('/livez', host)).status).toBe(200);
    expect([held.length, told]).toEqual([2, 2]);

    held[0]?.reject(new Problem(404, 'gone'));
    expect((await Promise.race(waiting)).status).toBe(404);
    expect((await ask('/guarded/1', host)).status).toBe(200);
    held[1]?.resolve(new Response('done'));
    expect((await Promise.all(waiting)).map(({ status }) => status).sort()).toEqual([200, 404]);
  });
});

test('a path of any length is told back by its beginning alone', async () => {
  const problem = problemResponse(new Problem(404, 'no'), new Request(`http://a/${'x'.repeat(5_000)}`));
  expect((await problem.json()).instance).toHaveLength(1_000);
});

test('refused requests are logged once a second for each reason, with the name of the variable', async () => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  const { host, overload } = refusalLog(await createLogger({ level: 'info', format: 'json' }, { write }));
  for (let times = 0; times < 100; times += 1) {
    host(`${'evil'.repeat(100)}.example`);
    overload();
  }
  expect(lines.map(({ event, level }) => [event, level])).toEqual([
    ['host_refused', 'warn'],
    ['load_shed', 'warn'],
  ]);
  expect(String(lines[0]?.host)).toHaveLength(100);
  expect(lines.map(({ msg }) => String(msg))).toEqual([
    expect.stringContaining('ALLOWED_HOSTS'),
    expect.stringContaining('MAX_REQUESTS'),
  ]);
});
