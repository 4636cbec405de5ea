import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startService } from '../support/service-process.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const PRODUCT = '/api/v1/orgs/1/products/1';
const ROUTE = '/api/v1/orgs/:orgId/products/:id';
const CALLER = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };

let collector: OtlpCollector;
let output: string;
let tiers: (string | null)[];

beforeAll(async () => {
  collector = startOtlpCollector();
  const service = await startService({
    REDIS_URL: await sharedRedis(),
    CACHE_NAMESPACE: uniqueNamespace('traced'),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
  const first = await service.fetch(PRODUCT, { headers: { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` } });
  const second = await service.fetch(PRODUCT);
  tiers = [first, second].map(({ headers }) => headers.get('x-cache-tier'));
  const change = { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"price":1.5}' };
  expect((await service.fetch(PRODUCT, change)).status).toBe(200);
  expect(await service.stop()).toBe(0);
  output = service.output();
}, 60_000);

afterAll(() => collector.stop());

function requests(method: string): CollectedSpan[] {
  return collector.spans.filter(({ name }) => name === `${method} ${ROUTE}`);
}

function childrenOf(parent: CollectedSpan | undefined): CollectedSpan[] {
  return collector.spans.filter(({ parentSpanId }) => parent !== undefined && parentSpanId === parent.spanId);
}

describe('the traces of the service', () => {
  test('say of a load what was done, inside the trace of the caller', () => {
    const [load] = requests('GET');
    expect(load).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId });
    expect(load?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': ROUTE,
      'http.response.status_code': 200,
    });
    const [lookup, ...others] = childrenOf(load);
    expect(others).toEqual([]);
    expect(lookup?.attributes).toMatchObject({
      'cache.name': 'catalog',
      'cache.tier': 'source',
      'cache.key_group': 'product',
    });
    expect(childrenOf(lookup).map(({ name }) => name)).toEqual(['cache.l2.get', 'cache.load', 'cache.l2.fill']);
  });

  test('say of an L1 hit that it was one, on the span of the request', () => {
    const [, hit] = requests('GET');
    expect(childrenOf(hit)).toEqual([]);
    expect(hit?.attributes).toMatchObject({ 'cache.tier': 'l1', 'cache.outcome': 'hit', 'cache.hit': true });
  });

  test('agree with the header of the answer', () => {
    expect(tiers).toEqual(['source', 'l1']);
  });

  test('show the invalidation of a change', () => {
    const [change] = requests('PATCH');
    expect(childrenOf(change).map(({ name }) => name)).toContain('cache.invalidate');
  });

  test('are flushed by a graceful end, under the name of the service', () => {
    expect(new Set(collector.spans.map(({ resource }) => resource['service.name']))).toEqual(new Set(['tiercel']));
    expect(output).not.toContain('OTLP');
  });
});
