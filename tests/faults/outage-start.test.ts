import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from '../integration/support/catalog-environment.ts';
import { platePath, productPath, renameProduct } from '../integration/support/catalog-requests.ts';
import { countEvents, strayOutput } from '../integration/support/instances.ts';
import { median, printFigures, timed } from '../integration/support/measure.ts';
import { LOADED } from '../integration/support/provenance.ts';
import { freePort } from '../support/free-port.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type LogLine, type ServiceProcess, startService } from '../support/service-process.ts';
import { startProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(60_000);

const READS = 30;
/** The source is a few milliseconds away; a request that waited for Redis would take 50 more. */
const SOURCE_MS = 25;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let guarded: RedisServer;

beforeAll(async () => {
  guarded = owned.use(await startRedis({ password: 'the right one' }));
  catalog = owned.use(await makeCatalogEnvironment());
});

afterAll(() => owned.disposeAsync());

const alarms = ({ logs }: ServiceProcess): LogLine[] =>
  logs.filter(({ event, alarm }) => event === 'redis_error' && alarm);

/** Serves from the source at the speed of the source, and takes changes. */
async function expectService(service: ServiceProcess): Promise<void> {
  const durations: number[] = [];
  for (let id = 1; id <= READS; id++) {
    const { value: answer, ms } = await timed(() => service.fetch(productPath(id)));
    expect([answer.status, answer.headers.get('x-cache-tier')]).toEqual([200, 'source']);
    expect(answer.headers.get('cache-status')).toContain('tiercel-l2; fwd=bypass; detail=breaker-open');
    expect(await answer.json()).toMatchObject({ id });
    durations.push(ms);
  }
  printFigures('cold read, Redis not there since the start', durations);
  expect(median(durations)).toBeLessThan(SOURCE_MS);
  const changed = await renameProduct(service, 1, 'Changed');
  expect([changed.status, changed.headers.get('cache-status')]).toEqual([
    200,
    'tiercel-l2; fwd=method; detail=invalidation-pending',
  ]);
  expect(await (await service.fetch(productPath(1))).json()).toMatchObject({ name: 'Changed' });
  expect((await service.fetch('/readyz')).status).toBe(200);
}

/** It had nothing to say on standard error, and ends as if nothing had happened. */
async function expectOrderlyEnd(service: ServiceProcess): Promise<void> {
  expect(await service.stop()).toBe(0);
  expect(strayOutput(service)).toEqual([]);
}

describe('a service that starts without its Redis', () => {
  test('serves while connections are refused, and uses Redis once it is there', async () => {
    const port = await freePort();
    await using service = await startService({ ...catalog.env, REDIS_URL: `redis://127.0.0.1:${port}` });
    await service.logged('redis_fallback_mode_enabled');
    await expectService(service);
    expect(alarms(service)).toEqual([]);

    await using redis = await startRedis({ port });
    expect(redis.port).toBe(port);
    await service.logged('redis_cache_restored');
    // License plates are not warmed when Redis is back: they are there when somebody reads them.
    let id = 901;
    const isFilled = async () => {
      const answer = await service.fetch(platePath(id++));
      return answer.headers.get('cache-status') === LOADED.cacheStatus;
    };
    await until(isFilled, { what: 'a load that fills both tiers' });
    expect(countEvents(service, 'redis_fallback_mode_enabled')).toBe(1);
    await expectOrderlyEnd(service);
  });

  test.each([
    ['a wrong password', 'redis://:wrong@127.0.0.1'],
    ['no password', 'redis://127.0.0.1'],
  ])('serves with %s, and says once that somebody has to look', async (_, prefix) => {
    await using proxy = await startProxy({ target: guarded.url });
    await using service = await startService({ ...catalog.env, REDIS_URL: `${prefix}:${proxy.port}` });
    await service.logged('redis_fallback_mode_enabled');
    await expectService(service);
    // Several attempts by each of its two connections, and one alarm.
    await until(() => proxy.accepted >= 6, { what: 'several attempts to connect' });
    expect(alarms(service)).toHaveLength(1);
    expect(alarms(service)[0]?.reason).toMatch(/WRONGPASS|NOAUTH/);
    expect(service.output()).not.toContain('wrong@');
    await expectOrderlyEnd(service);
  });

  test('serves while the host name of Redis does not resolve', async () => {
    await using service = await startService({ ...catalog.env, REDIS_URL: 'redis://no-such-host.invalid:6379' });
    await service.logged('redis_fallback_mode_enabled');
    await expectService(service);
    await expectOrderlyEnd(service);
  });

  test('serves while Redis is silent from the start', async () => {
    await using silent = await startRedis();
    silent.pause();
    await using service = await startService({ ...catalog.env, REDIS_URL: silent.url });
    await service.logged('redis_fallback_mode_enabled');
    await expectService(service);
    silent.resume();
    await service.logged('redis_cache_restored');
    await expectOrderlyEnd(service);
  });
});
