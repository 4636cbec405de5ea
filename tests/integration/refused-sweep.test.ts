import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import type { RemoteTier } from '../../src/core/ports/remote-tier.ts';
import { createCache, InvalidationPendingError, type TieredCache } from '../../src/index.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { until } from '../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { printFigures, timed } from './support/measure.ts';

setDefaultTimeout(30_000);

/** From the order that is refused, or slow, until other keys are in L2 again. */
const OTHERS_WITHIN_MS = 2_000;
const CLOSED_WITHIN_MS = 6_000;
const KEYS = 1_400;
const PER_PACKET = 200;

const owned = new AsyncDisposableStack();
let server: RedisServer;

beforeAll(async () => {
  server = owned.use(await startRedis());
  const admin = owned.adopt(new Redis(server.url), (client) => client.disconnect());
  await admin.acl('SETUSER', 'limited', 'on', 'nopass', 'allkeys', 'allchannels', '+@all', '-scan');
});

afterAll(() => owned.disposeAsync());

/** Stores some values in L2, however busy the machine is. */
async function storeAll(cache: TieredCache, name: string, from: number): Promise<void> {
  const values = Array.from({ length: PER_PACKET }, (_, index) => [`${name}${from + index}`, 'old'] as const);
  await until(async () => (await cache.setMany(values)).every(Boolean), { what: `${name}${from} to be stored` });
}

interface Pair {
  /** As the user who may not SCAN, and with the tier that is made of its own. */
  readonly cache: TieredCache;
  readonly other: TieredCache;
}

async function startPair(user: string, remake: (tier: RemoteTier) => RemoteTier = (tier) => tier): Promise<Pair> {
  const namespace = uniqueNamespace('sweep');
  const start = async (url: string, make: (tier: RemoteTier) => RemoteTier): Promise<TieredCache> => {
    const { l2, bus } = redis(url, { namespace, onWarning: () => {} });
    const cache = owned.use(createCache({ l1: lru(), l2: make(l2), bus, defaults: { l2Timeout: '2s' } }));
    await until(() => cache.ready(), { what: 'the first proof' });
    return cache;
  };
  const other = await start(server.url, (tier) => tier);
  const cache = await start(server.url.replace('redis://', `redis://${user}@`), remake);
  for (let at = 0; at < KEYS; at += PER_PACKET) await storeAll(other, 'k', at);
  await storeAll(other, 'other', 0);
  return { cache, other };
}

/** Milliseconds until a key that no pattern names, and that L1 does not hold, is answered by L2. */
async function untilOthersAreInL2(cache: TieredCache): Promise<number> {
  let asked = 0;
  const { ms } = await timed(() =>
    until(async () => (await cache.lookup(`other${asked++ % PER_PACKET}`, () => 'loaded')).tier === 'l2', {
      what: 'an answer from L2',
      every: 10,
    }),
  );
  return ms;
}

test('a user who may not SCAN keeps L2, and the pattern ends its namespace', async () => {
  const { cache, other } = await startPair('limited');
  await expect(cache.invalidate({ pattern: 'k*' })).rejects.toBeInstanceOf(InvalidationPendingError);
  const ms = await untilOthersAreInL2(cache);
  await until(() => cache.health().pending.patterns === 0 && !cache.health().pending.all, { what: 'the delivery' });
  expect(await other.get('k7')).toBeUndefined();
  expect(cache.health()).toMatchObject({ l1: { suspended: false }, l2: { healthy: true, breaker: 'closed' } });
  const { ms: closedMs } = await timed(() => cache.close());
  printFigures('a refused sweep: until other keys are in L2, and until the cache is closed', [ms, closedMs]);
  expect(ms).toBeLessThan(OTHERS_WITHIN_MS);
  expect(closedMs).toBeLessThan(CLOSED_WITHIN_MS);
});

test('a sweep that does not end leaves L2 in use, and a cache that closes ends it', async () => {
  const hung = new Promise<never>(() => {});
  let steps = 0;
  const slow = (tier: RemoteTier): RemoteTier =>
    overriding<RemoteTier>(tier, {
      sweep: (request) => {
        steps += 1;
        return steps > 2 ? hung : tier.sweep(request);
      },
    });
  const { cache } = await startPair('default', slow);
  const ordered = cache.invalidate({ pattern: 'k*' }).catch((error: unknown) => error);
  await until(() => steps > 2, { what: 'the sweep to hang' });
  const ms = await untilOthersAreInL2(cache);
  const { ms: closedMs } = await timed(() => cache.close());
  expect(await ordered).toBeInstanceOf(InvalidationPendingError);
  printFigures('a slow sweep: until other keys are in L2, and until the cache is closed', [ms, closedMs]);
  expect(ms).toBeLessThan(OTHERS_WITHIN_MS);
  expect(closedMs).toBeLessThan(CLOSED_WITHIN_MS);
});
