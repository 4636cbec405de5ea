import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService(surroundings.env);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const get = (path: string) => fetch(service.url + path);

describe("the API's document", () => {
  const methods: Record<string, string[]> = {
    '/api/v1/orgs/{orgId}/products': ['get', 'post'],
    '/api/v1/orgs/{orgId}/products/{id}': ['get', 'patch', 'delete'],
    '/api/v1/orgs/{orgId}/boms/{id}': ['get'],
    '/api/v1/orgs/{orgId}/boms/{id}/items': ['put'],
    '/api/v1/orgs/{orgId}/license-plates/{id}': ['get', 'patch'],
    '/api/v1/orgs/{orgId}/dashboard': ['get'],
    '/api/v1/orgs/{orgId}/users/{id}/permissions': ['get'],
    '/api/v1/cache': ['get', 'delete'],
    '/api/v1/cache/health': ['get'],
    '/api/v1/cache/breaker': ['post'],
    '/api/v1/cache/invalidate': ['post'],
    '/api/v1/cache/warm': ['post', 'delete'],
    '/api/v1/cache/entries/{key}': ['get'],
    '/livez': ['get'],
    '/readyz': ['get'],
  };

  test('names every route with its methods', async () => {
    const { openapi, paths } = await (await get('/openapi/json')).json();
    expect(openapi).toBe('3.1.0');
    expect(Object.fromEntries(Object.entries<object>(paths).map(([path, item]) => [path, Object.keys(item)]))).toEqual(
      methods,
    );
  });

  test('names each operation once, with its parameters as they are checked', async () => {
    const { paths } = await (await get('/openapi/json')).json();
    const operations = Object.values<Record<string, { operationId: string }>>(paths).flatMap((item) =>
      Object.values(item),
    );
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(paths['/api/v1/orgs/{orgId}/products'].get.parameters).toEqual([
      {
        name: 'orgId',
        in: 'path',
        required: true,
        schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      },
      expect.objectContaining({
        name: 'limit',
        in: 'query',
        required: false,
        schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
      }),
      expect.objectContaining({ name: 'after', in: 'query', required: false }),
    ]);
  });
});

describe('a page', () => {
  for (const path of ['/', '/openapi']) {
    test(`${path} runs nothing but this service's own files`, async () => {
      const answer = await get(path);
      const html = await answer.text();
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(answer.headers.get('content-security-policy')).toBe(
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      );
      expect(html).not.toMatch(/https?:\/\/|<style|<script>| on\w+=|javascript:/i);
      const needed = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
      for (const address of needed) expect([address, (await get(address)).status]).toEqual([address, 200]);
    });
  }
});
