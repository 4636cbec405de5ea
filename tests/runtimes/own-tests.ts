import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { createTestCache, localTierContract, remoteTierContract } from 'tiercel/testing';

/**
 * What the tests of a project do that uses Tiercel, without a runner, so that it is the same everywhere: a cache in the
 * test's time, a loader and an L2 that fail, and contracts over adapters.
 */
export async function runOwnTests(redisUrl: string | undefined, namespace: string): Promise<void> {
  const { cache, clock, l2, events, loader, join } = createTestCache({ defaults: { ttl: '1m', staleIfError: '1h' } });
  const load = loader(() => 'v1');
  equal(await cache.getOrSet('a', load), 'v1');
  deepEqual(
    events.map(({ type }) => type),
    ['load', 'lookup'],
  );
  await clock.advance('61s');
  load.fail(new Error('database is away'));
  equal((await cache.lookup('a', load)).state, 'stale');
  await rejects(cache.getOrSet('b', load), { message: 'database is away' });
  load.heal();
  l2.hang();
  equal(await clock.settle(cache.getOrSet('b', load)), 'v1');
  equal(clock.now(), 61_050);
  l2.heal();
  const other = join();
  await clock.advance('5s');
  await cache.set('c', 'everywhere');
  equal((await other.cache.lookup('c', load)).tier, 'l2');
  await clock.advance('1d');

  for (const { run } of localTierContract(lru)) await run();
  let corners = 0;
  const makeServer = () => {
    corners += 1;
    const options = { namespace: `${namespace}-${corners}`, onWarning: () => {} };
    return {
      tier: () => redis(redisUrl, options).l2,
      bus: () => redis(redisUrl, options).bus,
      async [Symbol.asyncDispose]() {},
    };
  };
  const leases = remoteTierContract(makeServer).filter(({ name }) => name.startsWith('leases'));
  ok(leases.length >= 9);
  for (const { run } of leases) await run();
}
