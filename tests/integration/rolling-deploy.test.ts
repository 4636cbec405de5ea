import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { CacheEvent, TieredCache } from 'tiercel';
import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

setDefaultTimeout(60_000);

const SIDE_BY_SIDE_MS = 6_000;
const MAX_LAG_MS = 1_500;
const KEYS = Array.from({ length: 5 }, (_, index) => `k${index}`);

interface Member {
  readonly cache: TieredCache;
  readonly events: CacheEvent[];
  loads: number;
}

const owned = new AsyncDisposableStack();
const source = new Map(KEYS.map((key) => [key, 0]));
let members: readonly Member[];

/** Two instances of each of two releases, in one Redis. */
beforeAll(async () => {
  const url = await sharedRedis();
  const namespace = uniqueNamespace('rolling');
  members = ['1', '1', '2', '2'].map((version) => {
    const events: CacheEvent[] = [];
    const defaults = { l1Ttl: 100, l2Timeout: 5_000 };
    const observers = [(event: CacheEvent) => void events.push(event)];
    const tiers = redis(url, { namespace });
    const cache = owned.use(createCache({ l1: lru(), ...tiers, version, defaults, observers, maxLag: MAX_LAG_MS }));
    return { cache, events, loads: 0 };
  });
  await Promise.all(members.map(({ cache }) => cache.ready()));
});

afterAll(() => owned.disposeAsync());

function read(member: Member, key: string): Promise<number> {
  return member.cache.getOrSet(key, () => {
    member.loads += 1;
    return source.get(key) ?? -1;
  });
}

test('two versions side by side load each key once each, and no record raises an alarm', async () => {
  const since = performance.now();
  let reads = 0;
  await until(
    async () => {
      for (const member of members) for (const key of KEYS) reads += (await read(member, key)) === 0 ? 1 : 0;
      return performance.now() - since > SIDE_BY_SIDE_MS;
    },
    { what: 'six seconds side by side', within: 2 * SIDE_BY_SIDE_MS },
  );
  const loads = members.reduce((sum, member) => sum + member.loads, 0);
  process.stdout.write(`[checked] two versions: ${reads} reads, ${loads} loads of ${KEYS.length} keys\n`);
  expect(loads).toBe(2 * KEYS.length);
  for (const { events } of members)
    expect(events.filter(({ type }) => type === 'tier_failure' || type === 'alarm')).toEqual([]);
});

test('an invalidation by the one version reaches the other', async () => {
  const [one] = members;
  for (let version = 1; version <= 20; version += 1) {
    for (const member of members) for (const key of KEYS) await read(member, key);
    for (const key of KEYS) {
      source.set(key, version);
      await one?.cache.delete(key);
    }
    const left = new Set<string>();
    const since = performance.now();
    await until(() => performance.now() - since > 100, { what: 'what L1 held to run out' });
    for (const [index, member] of members.entries())
      for (const key of KEYS) if ((await read(member, key)) !== version) left.add(`${key} at ${index}`);
    expect([...left]).toEqual([]);
  }
});
