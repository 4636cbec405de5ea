import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { lru } from '../../src/adapters/lru/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { type Keyspace, keyspace } from '../../src/adapters/redis/protocol/keyspace.ts';
import { type CacheEvent, createCache, type TieredCache } from '../../src/index.ts';
import { CACHE } from '../../src/testing/contracts/harness.ts';
import { until } from '../../src/testing/until.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

setDefaultTimeout(30_000);

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const OLD = newKey('2024');
const NEW = newKey('2025');

let url: string;
let admin: Redis;

beforeAll(async () => {
  url = await sharedRedis();
  admin = new Redis(url);
});

afterAll(() => admin.disconnect());

/** Caches of one namespace, each with keys of its own or without any. */
class Fleet implements AsyncDisposable {
  readonly namespace = uniqueNamespace();
  readonly keys: Keyspace = keyspace(this.namespace, CACHE, 0);
  readonly alarms: string[] = [];
  readonly #caches: TieredCache[] = [];

  async join(integrityKey?: string): Promise<TieredCache> {
    const { namespace } = this;
    const observe = (event: CacheEvent): void => {
      if (event.type === 'alarm') this.alarms.push(String(event.error));
    };
    const options = { namespace, onWarning: () => undefined, ...(integrityKey !== undefined && { integrityKey }) };
    const cache = createCache({
      l1: lru(),
      ...redis(url, options),
      observers: [observe],
      defaults: { l2Timeout: 1_000 },
    });
    this.#caches.push(cache);
    expect(await cache.ready(5_000)).toBe(true);
    return cache;
  }

  async recordOf(key: string): Promise<string> {
    const [, generation = ''] = String(await admin.hget(this.keys.history, 'generation')).split(' ');
    return this.keys.entry(key, generation);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#caches.map((cache) => cache.close()));
  }
}

const tierOf = async (cache: TieredCache, key: string, value: string) =>
  (await cache.lookup(key, () => value, { tags: ['t'] })).tier;

test('instances with one key share values and invalidations', async () => {
  await using fleet = new Fleet();
  const [one, other] = [await fleet.join(NEW), await fleet.join(NEW)];
  await one.set('set', 'by one');
  expect(await other.get<string>('set')).toBe('by one');
  expect([await tierOf(one, 'k', 'loaded'), await tierOf(other, 'k', 'again')]).toEqual(['source', 'l2']);
  expect(await admin.getrange(await fleet.recordOf('k'), 78, 86)).toBe('mac=2025:');
  const many = ['k', 'set', 'm1', 'm2'];
  await one.setMany(new Map([['m1', 1] as const, ['m2', 2] as const]));
  expect((await other.getMany(many)).every((value) => value !== undefined)).toBe(true);
  await one.invalidate({ tags: ['t'] });
  await until(() => other.peek('k') === undefined, { what: 'the invalidation' });
  expect([other.stats().bus.gaps, other.stats().bus.malformed, fleet.alarms]).toEqual([0, 0, []]);
});

test('a value without a valid signature is a miss, is replaced and counted, and is reported once', async () => {
  await using fleet = new Fleet();
  const [one, other] = [await fleet.join(NEW), await fleet.join(NEW)];
  for (const key of ['plain', 'changed', 'moved', 'source']) await one.set(key, `of ${key}`);
  const stranger = await fleet.join();
  await one.delete('plain');
  await stranger.set('plain', 'invented');
  const changed = await fleet.recordOf('changed');
  await admin.set(changed, String(await admin.get(changed)).replace('of changed', 'of mallory'), 'PX', 60_000);
  await admin.copy(await fleet.recordOf('source'), await fleet.recordOf('moved'), 'REPLACE');
  const told: string[] = [];
  other.attach({
    observer: (event) => {
      if (event.type === 'tier_failure') told.push(String(event.error));
    },
  });
  for (const key of ['plain', 'changed', 'moved']) {
    expect(await other.get<string>(key)).toBeUndefined();
    expect(await tierOf(other, key, 'true')).toBe('source');
    expect(await one.delete(key)).toBeUndefined();
  }
  expect(other.stats().tiers.l2?.errors).toBeGreaterThanOrEqual(3);
  expect(new Set(told)).toEqual(
    new Set([expect.stringContaining('their MAC is missing, or belongs to no integrityKey')]),
  );
  expect(fleet.alarms.filter((alarm) => alarm.includes('has no MAC'))).toHaveLength(1);
  expect(await other.get<string>('source')).toBe('of source');
});

test('an invalidation that is not signed counts as lost: L1 is cleared, and it is told of once', async () => {
  await using fleet = new Fleet();
  const [one, stranger] = [await fleet.join(NEW), await fleet.join()];
  await one.set('kept', 'v');
  await one.getOrSet('kept', () => 'v');
  expect(one.peek<string>('kept')).toBe('v');
  // The stranger reads what is signed, and invalidates in its own form.
  expect(await stranger.get<string>('kept')).toBe('v');
  const { gaps } = one.stats().bus;
  await stranger.delete('other');
  await until(() => one.stats().bus.gaps > gaps, { what: 'the gap' });
  expect(one.peek('kept')).toBeUndefined();
  for (let time = 0; time < 5; time += 1) await stranger.delete('other');
  await until(async () => (await one.lookup('kept', () => 'v')).tier === 'l1', { what: 'L1', within: 5_000 });
  expect(fleet.alarms).toEqual([expect.stringContaining('its MAC is wrong or missing')]);
  expect(await one.get<string>('kept')).toBe('v');
});

test('a key is rotated in three steps, and no step costs a value or L1', async () => {
  await using fleet = new Fleet();
  const steps = [OLD, `${OLD},${NEW}`, `${NEW},${OLD}`, NEW];
  const caches: TieredCache[] = [];
  for (const keys of steps) caches.push(await fleet.join(keys));
  // Neighbours run side by side while a step is deployed.
  for (let step = 0; step + 1 < steps.length; step += 1) {
    const [before, after] = [caches[step], caches[step + 1]];
    if (before === undefined || after === undefined) throw new Error('There is no such step');
    const key = `step:${step}`;
    expect(await tierOf(before, `${key}:a`, 'v')).toBe('source');
    expect(await tierOf(after, `${key}:a`, 'again')).toBe('l2');
    expect(await tierOf(after, `${key}:b`, 'v')).toBe('source');
    expect(await tierOf(before, `${key}:b`, 'again')).toBe('l2');
  }
});
