import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { until } from '../../src/testing/until.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(30_000);

const VIEWER = 'viewer-token-of-the-tests-0123456789';
const LIMIT = 8 * 2 ** 20;

let surroundings: Surroundings;
let redis: RedisServer;
let admin: Redis;
let service: TestService;
let other: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  redis = await startRedis({
    config: { maxmemory: String(LIMIT), 'maxmemory-policy': 'allkeys-lru', 'notify-keyspace-events': 'Ee' },
  });
  admin = new Redis(redis.url);
  const env = { ...surroundings.env, REDIS_URL: redis.url, VIEWER_TOKEN: VIEWER };
  [service, other] = await Promise.all([startService(env), startService(env)]);
});

afterAll(async () => {
  await Promise.all([service, other].map((each) => each[Symbol.asyncDispose]()));
  admin.disconnect();
  await redis.stop();
  await surroundings[Symbol.asyncDispose]();
});

const look = async (path: string) =>
  (await service.api(path, { headers: { authorization: `Bearer ${VIEWER}` } })).json();

/** Another application's values, in pieces of 16 KB. */
async function flood(bytes: number): Promise<void> {
  const value = 'x'.repeat(16_384);
  for (let sent = 0; sent < bytes; sent += value.length * 64) {
    const pieces = Array.from({ length: 64 }, (_, index) => [`flood:${sent}:${index}`, value]);
    await admin.mset(...pieces.flat());
  }
}

test('what Redis says of itself is in the statistics and in health', async () => {
  await until(async () => (await look('/cache')).tiers.l2.server !== null, { what: 'the first look' });
  const { server } = (await look('/cache')).tiers.l2;
  expect(server).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+/),
    memory: { limitBytes: LIMIT, evictionPolicy: 'allkeys-lru' },
    clients: { connected: expect.any(Number), blocked: 0, rejected: 0 },
    persistence: { aofEnabled: false },
  });
  expect(server.commands.byName.evalsha.calls).toBeGreaterThan(0);
  expect((await look('/cache/health')).tiers.l2).toMatchObject({
    keyCount: server.keys,
    memoryBytes: server.memory.usedBytes,
    memory: { usedBytes: server.memory.usedBytes, limitBytes: LIMIT, nearLimit: false },
    evicting: false,
    serverAgeMs: expect.any(Number),
  });
});

test('Redis that drops keys is reported, by groups; answers stay right, whatever of ours it drops', async () => {
  for (let id = 1; id <= 30; id++) await service.api(`/orgs/1/products/${id}`);
  await service.api('/orgs/1/products?limit=10');
  const [{ version }] = (await (await service.api('/orgs/1/products?limit=1')).json()) as [{ version: number }];
  let written = version;
  // More than fits: everything goes that nobody asks for meanwhile, records of our own included.
  for (let round = 0; round < 5; round++) {
    await flood(LIMIT);
    const answer = await service.send('PATCH', '/orgs/1/products/1', { price: 100 + written });
    expect(answer.status).toBe(200);
    written = (await answer.json()).version;
    expect((await (await service.api('/orgs/1/products/1')).json()).version).toBe(written);
    const elsewhere = async () => (await (await other.api('/orgs/1/products/1')).json()).version === written;
    await until(elsewhere, { what: 'the change in the other instance', within: 2_000 });
  }
  const reported = () => service.log.find(({ event }) => event === 'redis_eviction');
  await until(reported, { what: 'the report', within: 15_000 });
  const { count, groups } = reported() as { count: number; groups: Record<string, number> };
  expect(count).toBeGreaterThan(LIMIT / 16_384);
  expect(groups.product).toBeGreaterThan(20);
  expect(Object.keys(groups)).not.toContain('flood');

  const health = await until(
    async () => {
      const seen = await look('/cache/health');
      return seen.overall === 'healthy' && seen;
    },
    { what: 'healthy health' },
  );
  expect(health).toMatchObject({ tiers: { l2: { evicting: true, memory: { nearLimit: true } } } });
  expect(health.recommendation).toContain('maxmemory');
  expect((await look('/cache')).tiers.l2.evictions).toBeGreaterThanOrEqual(count);
});
