import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { METRIC } from '../../src/telemetry/names.ts';
import { freePort } from '../support/free-port.ts';
import { type CollectedSpan, type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let collector: OtlpCollector;

beforeAll(async () => {
  collector = startOtlpCollector();
  const redisUrls = [await sharedRedis(), uniqueNamespace('spans'), `redis://127.0.0.1:${await freePort()}`];
  const script = 'tests/integration/fixtures/traced-lookups.ts';
  const child = Bun.spawn([process.execPath, '--preload', './otel/preload.ts', script, ...redisUrls], {
    cwd: join(import.meta.dir, '../..'),
    env: {
      PATH: process.env.PATH ?? '',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
    stderr: 'pipe',
  });
  const [stderr, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
}, 30_000);

afterAll(() => collector.stop());

/** The span of a scenario: the one that stands for the request. */
function request(scenario: string): CollectedSpan {
  const [span, ...others] = collector.spans.filter(({ name }) => name === scenario);
  if (span === undefined || others.length > 0) throw new Error(`${1 + others.length} spans are named ${scenario}`);
  return span;
}

/** In the order in which they ended, which is the order in which they are exported. */
function childrenOf(parent: CollectedSpan): CollectedSpan[] {
  return collector.spans.filter(
    ({ traceId, parentSpanId }) => traceId === parent.traceId && parentSpanId === parent.spanId,
  );
}

/** The one lookup of a scenario, and the names of its children. */
function lookupOf(scenario: string): { lookup: CollectedSpan; steps: string[] } {
  const [lookup, ...others] = childrenOf(request(scenario));
  if (lookup?.name !== 'cache.lookup' || others.length > 0) throw new Error(`${scenario} is not one cache.lookup`);
  return { lookup, steps: childrenOf(lookup).map(({ name }) => name) };
}

function linkedFrom(span: CollectedSpan): (CollectedSpan | undefined)[] {
  return span.links.map((link) =>
    collector.spans.find(({ traceId, spanId }) => traceId === link.traceId && spanId === link.spanId),
  );
}

describe('the spans of a lookup', () => {
  test('an L1 hit has none of its own and tags the span of the request', () => {
    expect(childrenOf(request('l1 hit'))).toEqual([]);
    expect(request('l1 hit').attributes).toMatchObject({
      'cache.name': 'first',
      'cache.tier': 'l1',
      'cache.outcome': 'hit',
      'cache.hit': true,
    });
  });

  test('many keys at once are one lookup, and one step each for all of them', () => {
    const { lookup, steps } = lookupOf('many');
    expect(steps).toEqual(['cache.l2.get', 'cache.load', 'cache.l2.fill']);
    expect(lookup.attributes).toMatchObject({
      'cache.operation': 'get_or_set_many',
      'cache.keys': 2,
      'cache.keys.l1': 0,
      'cache.keys.l2': 0,
      'cache.keys.source': 2,
      'cache.keys.failed': 0,
    });
    const { lookup: reading, steps: asked } = lookupOf('many l2 hits');
    expect(asked).toEqual(['cache.l2.get']);
    expect(reading.attributes).toMatchObject({ 'cache.operation': 'get_many', 'cache.keys': 2, 'cache.keys.l2': 1 });
  });

  test('an L2 hit asks Redis and nothing else', () => {
    const { lookup, steps } = lookupOf('l2 hit');
    expect(steps).toEqual(['cache.l2.get']);
    expect(lookup.attributes).toMatchObject({
      'cache.name': 'second',
      'cache.tier': 'l2',
      'cache.outcome': 'hit',
      'cache.hit': true,
      'cache.stale': false,
      'cache.collapsed': false,
      'cache.key_group': 'product',
      'cache.breaker.state': 'closed',
    });
  });

  test('a load asks Redis, loads and fills', () => {
    const { lookup, steps } = lookupOf('load');
    expect(steps).toEqual(['cache.l2.get', 'cache.load', 'cache.l2.fill']);
    expect(lookup.attributes).toMatchObject({ 'cache.tier': 'source', 'cache.outcome': 'load', 'cache.hit': false });
  });

  test('a collapsed caller links to the load that it joined, in the trace of another request', () => {
    const { lookup, steps } = lookupOf('joiner');
    expect(steps).toEqual([]);
    expect(lookup.attributes).toMatchObject({ 'cache.collapsed': true, 'cache.tier': 'source' });
    const load = childrenOf(lookupOf('leader').lookup).find(({ name }) => name === 'cache.load');
    expect(load).toBeDefined();
    expect(linkedFrom(lookup)).toEqual([load]);
    expect(lookup.traceId).not.toBe(lookupOf('leader').lookup.traceId);
  });

  test('a refresh begins a trace of its own and links to the lookup that set it off', () => {
    const { lookup, steps } = lookupOf('stale');
    expect(steps).toEqual([]);
    expect(lookup.attributes).toMatchObject({ 'cache.tier': 'l1', 'cache.outcome': 'stale', 'cache.stale': true });
    const refreshes = collector.spans.filter(({ attributes }) => attributes['cache.operation'] === 'refresh');
    expect(refreshes.map(({ name, parentSpanId }) => ({ name, parentSpanId }))).toEqual([
      { name: 'cache.lookup', parentSpanId: undefined },
    ]);
    expect(refreshes.map(linkedFrom)).toEqual([[lookup]]);
    expect(refreshes.flatMap(childrenOf).map(({ name }) => name)).toEqual([
      'cache.l2.get',
      'cache.load',
      'cache.l2.fill',
    ]);
  });

  test('with the breaker open it says why Redis was not asked, and fills nothing', () => {
    const { lookup, steps } = lookupOf('breaker open');
    expect(lookup.attributes).toMatchObject({
      'cache.name': 'away',
      'cache.tier': 'source',
      'cache.breaker.state': 'open',
      'cache.bypass.reason': 'breaker-open',
    });
    expect(steps).toContain('cache.load');
    expect(steps).not.toContain('cache.l2.fill');
  });

  test('a failed load marks itself and the lookup', () => {
    const { lookup } = lookupOf('failing load');
    const load = childrenOf(lookup).find(({ name }) => name === 'cache.load');
    expect(lookup.attributes).toMatchObject({ 'cache.outcome': 'error', 'error.type': 'TypeError' });
    expect(load?.attributes).toMatchObject({ 'error.type': 'TypeError' });
    expect([lookup.status, load?.status]).toEqual([2, 2]);
  });

  test('an invalidation has one', () => {
    expect(childrenOf(request('invalidate')).map(({ name }) => name)).toEqual(['cache.invalidate']);
  });

  test('a detached cache has none any more', () => {
    expect(childrenOf(request('detached'))).toEqual([]);
    expect(request('detached').attributes).toEqual({});
  });

  test('no attribute holds a key', () => {
    const values = collector.spans.flatMap(({ attributes }) => Object.values(attributes));
    expect(values.filter((value) => String(value).includes('product:'))).toEqual([]);
  });
});

describe('the metrics of a cache', () => {
  const lastValue = (metric: string, attributes: Record<string, string>): number | undefined => {
    const matches = (given: Readonly<Record<string, unknown>>) =>
      Object.entries(attributes).every(([name, value]) => given[name] === value);
    return collector.points.findLast((point) => point.metric === metric && matches(point.attributes))?.value;
  };

  test('count lookups by tier, outcome and group', () => {
    const counts = (cache: string, tier: string, outcome: string) =>
      lastValue(METRIC.lookups, { cache, tier, outcome, group: 'product' });
    expect(counts('second', 'l2', 'hit')).toBe(1);
    expect(counts('away', 'source', 'load')).toBe(1);
    expect(counts('first', 'source', 'error')).toBe(1);
    expect(lastValue(METRIC.lookups, { cache: 'first', tier: 'l1', outcome: 'stale' })).toBe(1);
  });

  test('count loads by outcome, the refresh included', () => {
    const loads = (outcome: string) => lastValue(METRIC.loads, { cache: 'first', group: 'product', outcome });
    expect([loads('ok'), loads('error')]).toEqual([4, 1]);
  });

  test('tell the breaker, the proof and what was collapsed', () => {
    expect(lastValue(METRIC.breakerState, { cache: 'first' })).toBe(0);
    // Open, or half-open while a trial is under way.
    expect([1, 2]).toContain(lastValue(METRIC.breakerState, { cache: 'away' }) ?? -1);
    expect(lastValue(METRIC.breakerTransitions, { cache: 'away' })).toBeGreaterThan(0);
    expect(lastValue(METRIC.l1Suspended, { cache: 'away' })).toBe(1);
    expect(lastValue(METRIC.proofAge, { cache: 'first' })).toBeLessThan(5);
    expect(lastValue(METRIC.collapsed, { cache: 'first', group: 'product' })).toBe(1);
    expect(lastValue(METRIC.invalidations, { cache: 'first' })).toBe(1);
  });

  test('measure every lookup that L1 did not answer', () => {
    const recorded = collector.points.filter(({ metric }) => metric === METRIC.lookupDuration);
    const counts = recorded.map(({ attributes, count }) => [attributes.cache, attributes.tier, count]);
    expect(counts).toContainEqual(['second', 'l2', 1]);
    expect(counts).toContainEqual(['away', 'source', 1]);
  });

  test('leave out a detached cache', () => {
    expect(collector.points.filter(({ attributes }) => attributes.cache === 'detached')).toEqual([]);
  });

  test('come under every name that is promised', () => {
    const seen = new Set(collector.points.map(({ metric }) => metric));
    expect([...seen].sort()).toEqual(Object.values(METRIC).sort());
  });
});
