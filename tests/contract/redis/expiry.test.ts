import { expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { redis } from '../../../src/adapters/redis/index.ts';
import { keyspace } from '../../../src/adapters/redis/protocol/keyspace.ts';
import { CACHE, connect, LONG, orderOf, token } from '../../../src/testing/contracts/harness.ts';
import { sharedRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

test('nothing stays in Redis for ever but the history', async () => {
  const url = await sharedRedis();
  const admin = new Redis(url);
  const namespace = uniqueNamespace();
  const keys = keyspace(namespace, CACHE, 0);
  const { tier } = await connect(redis(url, { namespace }).l2);
  const { epoch } = await tier.heartbeat('one', token());
  const { generation } = await tier.agreeGeneration(epoch, token());
  const session = { epoch, generation };
  await tier.heartbeat('one', token(), true);

  const lease = token();
  await tier.acquire('leased', generation, token(), LONG);
  await tier.acquire('filled', generation, lease, LONG);
  const expected = { kind: 'lease', token: lease } as const;
  await tier.fill({ id: 'filled', generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG });
  await tier.write({ id: 'written', session, origin: 'one', token: token(), body: 'v', keepFor: LONG });
  await tier.claimRefresh('filled', generation, token(), LONG);
  await tier.tagGenerations(['asked', 'expired'], generation, LONG);
  await tier.invalidate(orderOf(['written'], ['expired', 'missing'], 'expire'), session);
  // Tags that nobody has read take no room when they are invalidated.
  await tier.invalidate(orderOf([], ['deleted']), session);

  const found = await admin.keys(`{${namespace}.0}*`);
  expect(found).toHaveLength(7);
  for (const key of found) {
    const left = await admin.pttl(key);
    if (key === keys.history) expect(left).toBe(-1);
    else expect([key, left > 0]).toEqual([key, true]);
  }
  await tier.close();
  admin.disconnect();
});
