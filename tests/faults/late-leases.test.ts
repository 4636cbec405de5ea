import { expect, setDefaultTimeout, test } from 'bun:test';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { printFigures, timed } from '../integration/support/measure.ts';
import { isInUse } from '../soak/library-pair.ts';
import { startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(30_000);

const MAX_LAG_MS = 300;
/** Longer than it takes to be given up. */
const LEASE_MS = 4_000;
const KEYS = Array.from({ length: 20 }, (_, index) => `key:${index}`);
/** Far less than what is left of a lease. */
const ANSWERED_WITHIN_MS = 500;

/**
 * Redis takes what it finds in a socket even when its owner has closed that meanwhile. Who waits for a lease that nobody
 * holds waits for its end.
 */
test('a Redis that stood still grants no lease to callers who left long ago over a connection that was given up', async () => {
  await using owner = new AsyncDisposableStack();
  const server = owner.use(await startRedis());
  const namespace = uniqueNamespace('late');
  const link = owner.use(await startProxy({ target: server.url }));
  const start = async (url: string): Promise<TieredCache> => {
    const defaults = { lease: LEASE_MS, l2Timeout: '50ms' } as const;
    const cache = owner.use(createCache({ l1: lru(), ...redis(url, { namespace }), maxLag: MAX_LAG_MS, defaults }));
    await until(() => isInUse(cache), { what: 'the first proof' });
    return cache;
  };
  const asker = await start(link.through(server.url));
  const other = await start(server.url);

  const stoppedAt = performance.now();
  server.pause();
  const accepted = link.accepted;
  await Promise.all(KEYS.map((key) => asker.getOrSet(key, () => 'of before')));
  await until(() => link.accepted > accepted, { what: 'the connection to be given up', within: 10_000 });
  await until(() => performance.now() - stoppedAt > LEASE_MS, { what: 'every lease to be over', within: 10_000 });
  server.resume();
  await until(() => isInUse(other), { what: 'Redis to be in use again', within: 10_000 });

  const reads = await Promise.all(KEYS.map((key) => timed(() => other.getOrSet(key, () => 'of now'))));
  printFigures(
    'a cold key that a caller asked for when Redis stopped',
    reads.map(({ ms }) => ms),
  );
  expect(new Set(reads.map(({ value }) => value))).toEqual(new Set(['of now']));
  expect(Math.max(...reads.map(({ ms }) => ms))).toBeLessThan(ANSWERED_WITHIN_MS);
});
