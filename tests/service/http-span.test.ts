import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { startService } from '../support/service-process.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const PRODUCT = '/api/v1/orgs/1/products/1';
const GARBAGE = [
  '00-zz-zz-01',
  `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
  `00-${'a'.repeat(32)}-${'b'.repeat(16)}`,
  'x'.repeat(8_000),
];

let collector: OtlpCollector;

beforeAll(async () => {
  collector = startOtlpCollector();
  await using surroundings = await makeSurroundings();
  const service = await startService({
    ...surroundings.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  });
  for (const traceparent of GARBAGE) {
    expect((await service.fetch(PRODUCT, { headers: { traceparent, baggage: 'a=b' } })).status).toBe(200);
  }
  await service.fetch('/nothing/here');
  await service.fetch('/api/v1/orgs/1/products/abc?token=secret');
  await service.fetch(PRODUCT, { method: 'PROPFIND' });
  await surroundings.database.drop();
  await service.fetch('/api/v1/orgs/1/products/2');
  expect(await service.stop()).toBe(0);
}, 60_000);

afterAll(() => collector.stop());

const spans = (where: Record<string, unknown>): CollectedSpan[] =>
  collector.spans.filter(({ attributes }) =>
    Object.entries(where).every(([name, value]) => attributes[name] === value),
  );

describe("a request's span", () => {
  test('begins a trace of its own where the one it is told of is none', () => {
    const requests = spans({ 'url.path': PRODUCT, 'http.request.method': 'GET' });
    expect(requests).toHaveLength(GARBAGE.length);
    for (const { parentSpanId, traceId } of requests) {
      expect(parentSpanId || undefined).toBeUndefined();
      expect(traceId).toMatch(/^(?!a{32}|0{32})[0-9a-f]{32}$/);
    }
  });

  test('of an unknown path is named by its method alone', () => {
    expect(spans({ 'url.path': '/nothing/here' })).toEqual([
      expect.objectContaining({
        name: 'GET',
        attributes: expect.objectContaining({ 'http.response.status_code': 404 }),
      }),
    ]);
  });

  test('of a refused request is no error, and tells nothing of the query', () => {
    const [refused] = spans({ 'http.response.status_code': 400 });
    expect(refused).toMatchObject({ name: 'GET /api/v1/orgs/:orgId/products/:id', status: 0 });
    expect(JSON.stringify(refused)).not.toContain('secret');
  });

  test('of a method that no convention knows does not repeat it', () => {
    expect(spans({ 'http.response.status_code': 405 })).toEqual([expect.objectContaining({ name: '_OTHER' })]);
    expect(JSON.stringify(collector.spans)).not.toContain('PROPFIND');
  });

  test('of a failure is an error with its status as the type', () => {
    const failed = collector.spans.filter(
      ({ name, attributes }) => name.startsWith('GET ') && Number(attributes['http.response.status_code']) >= 500,
    );
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ status: 2 });
    expect(failed[0]?.attributes['error.type']).toMatch(/^50[03]$/);
  });
});
