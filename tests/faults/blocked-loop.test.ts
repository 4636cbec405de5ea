import { expect, setDefaultTimeout, test } from 'bun:test';
import { lru } from '../../src/adapters/lru/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { createCache } from '../../src/index.ts';
import { until } from '../../src/testing/until.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

test('an event loop that was blocked for two seconds finds its own proof too old before it serves', async () => {
  const options = { namespace: uniqueNamespace('blocked') };
  const url = await sharedRedis();
  const blocked = createCache({ l1: lru(), ...redis(url, options), defaults: { l1Ttl: '1h', l2Timeout: '1s' } });
  const writer = createCache({ l1: lru(), ...redis(url, options), defaults: { l2Timeout: '1s' } });
  await Promise.all([blocked.ready(), writer.ready()]);
  await blocked.getOrSet('k', () => 'old');
  // Within the bound, what was loaded here needs no proof; beyond it, proof is all there is.
  await until(() => blocked.peek('k') === 'old', { what: 'a hit' });
  await writer.set('k', 'new');

  const end = performance.now() + 2_000;
  while (performance.now() < end);

  // Nothing has run in between: neither the message nor a heartbeat has been looked at.
  expect(blocked.peek('k')).toBeUndefined();
  expect(await blocked.getOrSet('k', () => 'new')).toBe('new');
  const isNew = async () => (await blocked.getOrSet('k', () => 'new')) === 'new' && blocked.peek('k') === 'new';
  await until(isNew, { what: 'the proof to be renewed', every: 50 });
  await Promise.all([blocked.close(), writer.close()]);
}, 20_000);
