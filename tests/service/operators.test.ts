import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { startRedis } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const VIEWER = 'viewer-token-of-the-tests-0123456789';
const headers = { authorization: `Bearer ${VIEWER}` };

let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService({ ...surroundings.env, VIEWER_TOKEN: VIEWER });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const look = async (path: string, at = service) => (await at.api(path, { headers })).json();

test('the statistics count what happened, by tier and by group', async () => {
  const fresh = await look('/cache');
  expect(fresh.targets).toEqual({
    hitRate: { goal: 0.9, actual: null, met: null },
    l1ReadMs: { goal: 1, actual: null, met: null },
  });

  for (let read = 0; read < 20; read++) await service.api('/orgs/1/products/1');
  const stats = await look('/cache');
  expect(stats).toMatchObject({ hits: 19, misses: 1, stale: 0, errors: 0, collapsed: 0, loads: 1, hitRate: 0.95 });
  expect(stats.tiers.l1).toMatchObject({ hits: 19, entries: 1 });
  expect(stats.tiers.l2).toMatchObject({ hits: 0 });
  expect(stats.groups).toEqual([expect.objectContaining({ group: 'product', hits: 19, misses: 1 })]);
  expect(stats.targets.hitRate).toEqual({ goal: 0.9, actual: 0.95, met: true });
  expect(stats.targets.l1ReadMs.actual).toBeGreaterThan(0);
});

test('health is healthy while everything answers', async () => {
  expect(await look('/cache/health')).toMatchObject({
    overall: 'healthy',
    tiers: {
      l1: { healthy: true },
      l2: { healthy: true, connected: true, latencyMs: expect.any(Number), breaker: 'closed' },
      source: { healthy: true, latencyMs: expect.any(Number) },
    },
    bus: { subscribed: true, proofAgeMs: expect.any(Number) },
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    recommendation: expect.any(String),
  });
});

test('without Redis the service is degraded, ready, and says it once; then restored', async () => {
  await using redis = await startRedis();
  await using alone = await startService({ ...surroundings.env, REDIS_URL: redis.url, VIEWER_TOKEN: VIEWER });
  await alone.api('/orgs/1/products/2');
  await redis.kill();
  await until(async () => (await look('/cache/health', alone)).overall === 'degraded', { what: 'degraded health' });
  for (let id = 10; id < 40; id++) expect((await alone.api(`/orgs/1/products/${id}`)).status).toBe(200);
  expect((await fetch(`${alone.url}/readyz`)).status).toBe(200);
  await until(() => logged(alone, 'redis_fallback_mode_enabled').length > 0, { what: 'the fallback mode in the log' });
  expect(logged(alone, 'redis_fallback_mode_enabled')).toEqual([
    expect.objectContaining({ level: 'warn', msg: 'Redis cache unavailable. Running in database-only mode.' }),
  ]);

  await redis.restart();
  await until(async () => (await look('/cache/health', alone)).overall === 'healthy', { what: 'healthy health' });
  await until(() => logged(alone, 'redis_cache_restored').length > 0, { what: 'the restored cache in the log' });
  expect(logged(alone, 'redis_fallback_mode_enabled')).toHaveLength(1);
});

test('without its source the service is down and not ready, and what is cached is still answered', async () => {
  await using lonely = await makeSurroundings();
  await using cut = await startService({ ...lonely.env, VIEWER_TOKEN: VIEWER });
  await cut.api('/orgs/1/products/1');
  await lonely.database.drop();
  expect((await look('/cache/health', cut)).overall).toBe('down');
  expect((await fetch(`${cut.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${cut.url}/livez`)).status).toBe(200);
  expect((await cut.api('/orgs/1/products/1')).headers.get('x-cache-tier')).toBe('l1');
});

test('a source that is away is 503 for what only it could answer, and the service recovers with it', async () => {
  // What was committed is to survive the kill.
  await using postgres = await startPostgres({ config: { synchronous_commit: 'on' } });
  await using lonely = await makeSurroundings(postgres.url);
  await using cut = await startService(lonely.env);
  await postgres.kill();
  const answers = await Promise.all([
    cut.api('/orgs/1/products/50'),
    cut.send('PATCH', '/orgs/1/products/50', { name: 'x' }),
    fetch(`${cut.url}/readyz`),
  ]);
  for (const answer of answers) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await answer.json()).detail).toBe('The source cannot be reached');
  }
  expect(logged(cut, 'request_failed')).toEqual([]);

  await postgres.restart();
  await until(async () => (await cut.api('/orgs/1/products/50')).status === 200, { what: 'an answer from the source' });
});

test('the log tells keys at debug level only', async () => {
  await using talkative = await startService({ ...surroundings.env, LOG_LEVEL: 'debug' });
  await talkative.api('/orgs/1/products/77');
  expect(logged(talkative, 'cache_hit')).toEqual([]);
  expect(logged(talkative, 'cache_miss')).toEqual([
    expect.objectContaining({ level: 'debug', tier: 'source', group: 'product', key: 'product:1:77' }),
  ]);
  const loud = talkative.log.filter(({ level }) => level !== 'debug' && level !== 'trace');
  expect(JSON.stringify(loud)).not.toContain('product:1:77');
});

function logged({ log }: TestService, event: string) {
  return log.filter((line) => line.event === event);
}
