import { expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis } from '../support/redis-server.ts';
import { startService } from '../support/service-process.ts';
import { SECRET_PATH, startReceiver } from '../support/webhook-receiver.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { productPath } from './support/catalog-requests.ts';
import { countEvents, expectCleanEnd, startInstance } from './support/instances.ts';

setDefaultTimeout(60_000);

const VIEWER = 'viewer-token-of-the-tests-0123456789';
const REQUESTS = 500;

test('an outage of Redis is told once to the webhook, and its end once, however many requests come meanwhile', async () => {
  await using receiver = startReceiver();
  await using redis = await startRedis();
  await using catalog = await makeCatalogEnvironment({ redis: redis.url });
  await using owned = new AsyncDisposableStack();
  const service = await startInstance(owned, {
    ...catalog.env,
    VIEWER_TOKEN: VIEWER,
    ALERT_WEBHOOK_URL: receiver.url,
    LOG_LEVEL: 'debug',
  });
  const firing = async () => {
    const answer = await service.fetch('/api/v1/cache/health', { headers: { authorization: `Bearer ${VIEWER}` } });
    return ((await answer.json()) as { readonly alerts: readonly object[] }).alerts;
  };
  expect(await firing()).toEqual([]);
  // The receiver has its own troubles when it is needed.
  receiver.answers.push(() => new Response(null, { status: 500 }));

  redis.pause();
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, async (_, index) => (await service.fetch(productPath(1 + (index % 50)))).status),
  );
  expect(new Set(answers)).toEqual(new Set([200]));
  await until(() => receiver.notices.length > 1, { what: 'the alert to be sent again' });
  expect(await firing()).toEqual([
    {
      alert: 'redis_unavailable',
      severity: 'critical',
      text: 'Redis cache unavailable. Running in database-only mode.',
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      value: null,
      threshold: null,
    },
  ]);

  redis.resume();
  await service.logged('redis_cache_restored');
  await until(() => receiver.notices.some(({ state }) => state === 'resolved'), {
    what: 'the end of it',
    within: 10_000,
  });
  expect(await firing()).toEqual([]);

  const [refused, begin, end, ...more] = receiver.notices;
  expect(more).toEqual([]);
  expect(refused).toEqual(begin);
  expect(begin).toEqual({
    text: 'Redis cache unavailable. Running in database-only mode.',
    alert: 'redis_unavailable',
    state: 'firing',
    severity: 'critical',
    service: catalog.env.CACHE_NAMESPACE,
    instance: expect.stringMatching(new RegExp(`.:${service.pid}$`)),
    since: expect.any(String),
    value: null,
    threshold: null,
  });
  expect(end).toMatchObject({ alert: 'redis_unavailable', state: 'resolved', since: begin?.since });
  expect(end?.text).toMatch(/^Redis cache available again after \d+ s\./);
  expect(countEvents(service, 'redis_fallback_mode_enabled')).toBe(1);
  expect(service.output()).not.toContain(SECRET_PATH);
});

test('neither a Redis nor a receiver that is not there keeps the service from serving, or from ending', async () => {
  const [redis, receiver] = [await freePort(), await freePort()];
  await using catalog = await makeCatalogEnvironment({ redis: `redis://127.0.0.1:${redis}` });
  await using service = await startService({
    ...catalog.env,
    ALERT_WEBHOOK_URL: `http://127.0.0.1:${receiver}${SECRET_PATH}`,
    LOG_LEVEL: 'debug',
  });
  await service.logged('alert_webhook_failed', ({ alert, level }) => alert === 'redis_unavailable' && level === 'warn');
  expect((await service.fetch(productPath(1))).status).toBe(200);
  const began = performance.now();
  await expectCleanEnd(service);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(service.logs.filter(({ event }) => event === 'alert_dropped')).toEqual([
    expect.objectContaining({ count: 1 }),
  ]);
  expect(service.output()).not.toContain(SECRET_PATH);
});
