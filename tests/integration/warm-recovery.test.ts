import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { type LogLine, type ServiceProcess, startService } from '../support/service-process.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { CatalogWorkload } from './support/catalog-workload.ts';
import { countEvents, expectCleanEnd, startInstance } from './support/instances.ts';

setDefaultTimeout(60_000);

/** Requests a second to each instance: so few that readers alone would take minutes to fill the cache again. */
const RATE = 100;
const WINDOW_MS = 1_000;
const GOAL = 0.9;
const WITHIN_MS = 10_000;

const owned = new AsyncDisposableStack();
let redis: RedisServer;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  redis = owned.use(await startRedis());
  const catalog = owned.use(await makeCatalogEnvironment({ redis: redis.url }));
  env = { ...catalog.env, DATABASE_POOL: '10' };
});

afterAll(() => owned.disposeAsync());

const recovered = ({ logs }: ServiceProcess): LogLine | undefined =>
  logs.find(({ event, reason }) => event === 'cache_warmed' && reason === 'recovery');

test(`a Redis that comes back empty is warm, and hits are above ${GOAL * 100} % again, within ${WITHIN_MS} ms`, async () => {
  const services = await Promise.all([startInstance(owned, env), startInstance(owned, env)]);
  await using workload = new CatalogWorkload(services, RATE);
  workload.start();
  await redis.kill();
  for (const service of services) await service.logged('redis_fallback_mode_enabled');
  const answered = workload.answers.length;
  await until(() => workload.answers.length > answered + 2 * RATE, { what: 'reads during the outage' });

  await redis.restart();
  const all = (event: string) =>
    until(() => services.every((service) => countEvents(service, event) > 0), { what: event, within: WITHIN_MS });
  await all('redis_cache_restored');
  const restoredAt = performance.now();
  const isBack = () => workload.hitRatio(performance.now() - WINDOW_MS, performance.now()) > GOAL;
  await until(() => performance.now() - restoredAt > WINDOW_MS && isBack(), {
    what: 'hits',
    within: WITHIN_MS,
    every: 20,
  });
  const backMs = performance.now() - restoredAt;
  await all('cache_warmed');
  const warmMs = performance.now() - restoredAt;
  await until(() => performance.now() - restoredAt > warmMs + WINDOW_MS, { what: 'a second of warmth' });
  await workload.stop();

  const ratios = Array.from({ length: Math.floor((performance.now() - restoredAt) / WINDOW_MS) }, (_, second) =>
    (100 * workload.hitRatio(restoredAt + second * WINDOW_MS, restoredAt + (second + 1) * WINDOW_MS)).toFixed(1),
  );
  const lines = services.map(recovered);
  process.stdout.write(
    `[measured] warm ${warmMs.toFixed(0)} ms after Redis was back, hits above ${GOAL * 100} % after ${backMs.toFixed(0)} ms; ` +
      `hits in each second: ${ratios.join(', ')} %; loaded ${lines.map((line) => line?.loaded).join(' + ')} keys in ` +
      `${lines.map((line) => line?.durationMs).join(' and ')} ms\n`,
  );
  expect(warmMs).toBeLessThan(WITHIN_MS);
  expect(workload.hitRatio(restoredAt + warmMs, performance.now())).toBeGreaterThan(GOAL);
  expect(workload.answers.filter(({ status }) => status !== 200)).toEqual([]);
  for (const line of lines) expect(line).toMatchObject({ total: 1_510, done: 1_510, failed: 0 });
  for (const service of services) {
    for (const event of ['redis_fallback_mode_enabled', 'redis_cache_restored', 'cache_warmed']) {
      expect([event, countEvents(service, event)]).toEqual([event, 1]);
    }
  }
});

test('a service that is ended while it is being warmed goes at once, and as it should', async () => {
  const settings = { CACHE_WARM_ON_START: 'true', CACHE_NAMESPACE: uniqueNamespace('cold') };
  await using service = await startService({ ...env, ...settings });
  await service.logged('cache_warming');
  const began = performance.now();
  await expectCleanEnd(service);
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(service.logs.filter(({ event }) => event === 'cache_warming_aborted')).toMatchObject([{ cause: 'shutdown' }]);
});
