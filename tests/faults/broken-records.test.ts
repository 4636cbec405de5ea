import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { lru } from '../../src/adapters/lru/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { type Keyspace, keyspace } from '../../src/adapters/redis/protocol/keyspace.ts';
import { HEADER, leaseRecord } from '../../src/adapters/redis/protocol/stored-record.ts';
import { type CacheEvent, createCache, type TieredCache } from '../../src/index.ts';
import { CACHE, token } from '../../src/testing/contracts/harness.ts';
import { until } from '../../src/testing/until.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

setDefaultTimeout(30_000);

/** A broken record is mended so soon. */
const SOON = { within: 10_000 } as const;

const DAY_MS = 24 * 60 * 60 * 1_000;

let url: string;
let admin: Redis;

beforeAll(async () => {
  url = await sharedRedis();
  admin = new Redis(url);
});

afterAll(() => admin.disconnect());

interface Pair extends AsyncDisposable {
  readonly one: TieredCache;
  readonly other: TieredCache;
  readonly keys: Keyspace;
  readonly alarms: string[];
  generation(): Promise<string>;
}

/** Two instances of one cache, both in step. */
async function pair(maxLag = 1_500): Promise<Pair> {
  const namespace = uniqueNamespace();
  const keys = keyspace(namespace, CACHE, 0);
  const alarms: string[] = [];
  const observe = (event: CacheEvent): void => {
    if (event.type === 'alarm') alarms.push(String(event.error));
  };
  const make = (): TieredCache =>
    createCache({
      l1: lru(),
      ...redis(url, { namespace, onWarning: () => undefined }),
      observers: [observe],
      // This machine may have other work; what is measured here is what heals.
      defaults: { l2Timeout: 1_000, lease: '2s' },
      maxLag,
    });
  const [one, other] = [make(), make()];
  expect(await Promise.all([one.ready(5_000), other.ready(5_000)])).toEqual([true, true]);
  return {
    one,
    other,
    keys,
    alarms,
    generation: async () => String(await admin.hget(keys.history, 'generation')).split(' ')[1] ?? '',
    [Symbol.asyncDispose]: async () => {
      await Promise.all([one.close(), other.close()]);
    },
  };
}

let asked = 0;

/** Whether the pair is a cache: one's value reaches the other by L2, and an invalidation reaches it by the bus. */
async function works({ one, other }: Pair): Promise<boolean> {
  asked += 1;
  const key = `probe:${asked}`;
  const read = (cache: TieredCache, value: string) => cache.lookup(key, () => value, { tags: ['probes'] });
  await read(one, 'first');
  if ((await read(other, 'loaded twice')).tier !== 'l2') return false;
  if ((await read(other, 'loaded twice')).tier !== 'l1') return false;
  await one.invalidate({ tags: ['probes'] }).catch(() => undefined);
  await until(() => other.peek(key) === undefined, { what: 'the invalidation', ...SOON });
  return (await read(other, 'second')).value === 'second';
}

/** One instance may mend what the other is still to hear of: it works when it has worked several times. */
async function expectHealed(fleet: Pair): Promise<void> {
  let times = 0;
  const isSteady = async () => {
    times = (await works(fleet)) ? times + 1 : 0;
    return times >= 3;
  };
  await until(isSteady, { what: 'a cache that works', ...SOON });
}

describe('the history, when one of its fields was broken, begins anew by itself and is told of once:', () => {
  test.each([
    ['a number that is none', 'number', 'many'],
    ['a negative number', 'number', '-5'],
    ['the greatest number that Redis counts', 'number', '9223372036854775807'],
    ['a number that no double holds', 'number', '9007199254740993'],
    ['a number with a fraction', 'number', '17.5'],
    ['a generation of another form', 'generation', 'none'],
    ['marks of another form', 'marks', 'none'],
    ['an identity of a megabyte', 'identity', 'x'.repeat(2 ** 20)],
  ])('%s', async (_what, field, value) => {
    await using fleet = await pair();
    await expectHealed(fleet);
    await admin.hset(fleet.keys.history, field, value);
    await until(() => fleet.alarms.length > 0, { what: 'the alarm', ...SOON });
    await expectHealed(fleet);
    expect(fleet.alarms).toEqual([expect.stringContaining(`was broken (${field})`)]);
  });

  test.each([
    ['a term beyond every clock', (epoch: string) => `${epoch} g ${'9'.repeat(30)} 2.4`],
    ['a generation that names keys of a megabyte', (epoch: string) => `${epoch} ${'g'.repeat(2 ** 20)} 5 2.4`],
    ['nine shapes', (epoch: string) => `${epoch} g 5 ${Array.from({ length: 9 }, (_, of) => `2.${of}`).join(',')}`],
    ['a shape that is none', (epoch: string) => `${epoch} g 5 2.4,none`],
    ['a million shapes', (epoch: string) => `${epoch} g 5 ${'2.4,'.repeat(2 ** 20)}`],
  ])('%s', async (_what, record) => {
    await using fleet = await pair();
    const [epoch = ''] = String(await admin.hget(fleet.keys.history, 'generation')).split(' ');
    await admin.hset(fleet.keys.history, 'generation', record(epoch));
    await until(() => fleet.alarms.length > 0, { what: 'the alarm', ...SOON });
    await expectHealed(fleet);
    expect(fleet.alarms).toEqual([expect.stringContaining('was broken (generation)')]);
  });

  test('eight shapes that take the place of this version', async () => {
    await using fleet = await pair();
    await expectHealed(fleet);
    const [epoch = '', generation = '', term = ''] = String(await admin.hget(fleet.keys.history, 'generation')).split(
      ' ',
    );
    const forged = Array.from({ length: 8 }, (_, of) => `2.4.forged${of}`).join(',');
    await admin.hset(fleet.keys.history, 'generation', `${epoch} ${generation} ${term} ${forged}`);
    await until(() => fleet.alarms.length > 0, { what: 'the alarm', ...SOON });
    await expectHealed(fleet);
    expect(fleet.alarms[0]).toContain('has written the record of the generation');
  });

  test('counts of marks that no instance has counted', async () => {
    await using fleet = await pair();
    const [epoch = ''] = String(await admin.hget(fleet.keys.history, 'generation')).split(' ');
    await admin.hset(fleet.keys.history, 'marks', `${epoch} ${'9'.repeat(40)} ${'9'.repeat(40)}`);
    await until(() => fleet.alarms.length > 0, { what: 'the alarm', ...SOON });
    await expectHealed(fleet);
  });

  test.each([['list'], ['string'], ['set']])('a history that is a %s', async (type) => {
    await using fleet = await pair();
    const made = `${fleet.keys.history}:made`;
    if (type === 'list') await admin.rpush(made, 'x');
    else if (type === 'set') await admin.sadd(made, 'x');
    else await admin.set(made, 'x');
    // In one step: a heartbeat would make a hash of what is missing.
    await admin.rename(made, fleet.keys.history);
    await until(() => fleet.alarms.some((alarm) => alarm.includes('was broken (history)')), { what: 'it', ...SOON });
    await expectHealed(fleet);
    expect(fleet.alarms.filter((alarm) => alarm.includes('was broken'))).toHaveLength(1);
  });
});

describe('a record that was broken is a miss, is replaced, and is told of once:', () => {
  const load = () => 'loaded';

  test('an entry of another type, asked for alone and among others', async () => {
    await using fleet = await pair();
    const { one, other, keys, alarms } = fleet;
    const generation = await fleet.generation();
    for (const id of ['alone', 'k1', 'k2']) await admin.rpush(keys.entry(id, generation), 'x');
    expect(await one.get('alone')).toBeUndefined();
    expect(await one.getOrSet('alone', load)).toBe('loaded');
    await Promise.all(['k1', 'k2', 'k3'].map((key) => one.getOrSet(key, load)));
    for (const key of ['alone', 'k1', 'k2', 'k3']) expect((await other.lookup(key, () => 'again')).tier).toBe('l2');
    expect(alarms).toEqual([expect.stringContaining('was broken (entry)')]);
  });

  // One in each test: a heartbeat between two broken tags lets either instance tell of one.
  test.each([
    ['type', (tag: string) => admin.rpush(tag, 'x')],
    ['form', (tag: string) => admin.set(tag, 'no generation')],
  ])('a tag of another %s', async (_what, spoil) => {
    await using fleet = await pair();
    const { one, other, keys, alarms } = fleet;
    await spoil(keys.tag('tag', await fleet.generation()));
    expect(await one.getOrSet('key', load, { tags: ['tag'] })).toBe('loaded');
    expect((await other.lookup('key', () => 'again', { tags: ['tag'] })).tier).toBe('l2');
    await until(() => alarms.length > 0, { what: 'the alarm', ...SOON });
    expect(alarms).toEqual([expect.stringContaining('was broken (tag)')]);
  });

  test('a lease without an end, or with one that is a day away, alone and among others: an instance that waits gives it one', async () => {
    await using fleet = await pair();
    const { one, other, keys, alarms } = fleet;
    const generation = await fleet.generation();
    for (const id of ['a', 'b', 'c']) await admin.set(keys.entry(id, generation), leaseRecord(token()));
    for (const id of ['d', 'e', 'f']) await admin.set(keys.entry(id, generation), leaseRecord(token()), 'PX', DAY_MS);
    const began = performance.now();
    const values = await Promise.all([
      ...['a', 'd'].map((key) => one.getOrSet(key, load)),
      ...['b', 'c', 'e', 'f'].map((key) => other.getOrSet(key, load)),
    ]);
    // A lease lives for two seconds here; without an end, each would have waited for the ten of its hard timeout.
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(values).toEqual(Array.from({ length: 6 }, load));
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const reader = key === 'a' || key === 'd' ? other : one;
      expect((await reader.lookup(key, () => 'again')).tier).toBe('l2');
    }
    expect(new Set(alarms)).toEqual(new Set([expect.stringContaining('was broken (lease)')]));
  });

  test('a claim without an end, with one that is a day away, or of another type', async () => {
    await using fleet = await pair();
    const { one, other, keys } = fleet;
    const generation = await fleet.generation();
    for (const key of ['text', 'day', 'list']) await one.getOrSet(key, load, { ttl: '1h' });
    await admin.set(keys.claim('text', generation), leaseRecord(token()));
    await admin.set(keys.claim('day', generation), leaseRecord(token()), 'PX', DAY_MS);
    await admin.rpush(keys.claim('list', generation), 'x');
    const renew = async (key: string): Promise<void> => {
      await one.expire(key);
      const began = performance.now();
      expect(await one.getOrSet(key, () => 'new')).toBe('new');
      expect(performance.now() - began).toBeLessThan(8_000);
      expect((await other.lookup(key, () => 'again')).value).toBe('new');
    };
    await Promise.all(['text', 'day', 'list'].map(renew));
  });

  test('an envelope with 300,000 tags', async () => {
    // Reading such a record takes a while on a busy machine, and an instance that stood still for D stores nothing at first.
    await using fleet = await pair(15_000);
    const { one, other, keys } = fleet;
    const key = keys.entry('k', await fleet.generation());
    await one.getOrSet('k', load);
    const record = String(await admin.get(key));
    const [head, body] = [record.slice(0, HEADER.bytes), record.slice(HEADER.bytes)];
    const envelope = JSON.parse(body);
    envelope[7] = Array.from({ length: 300_000 }, (_, tag) => [`t${tag}`, 'a:1', '']).flat();
    await admin.set(key, head + JSON.stringify(envelope), 'PX', 60_000);
    const failures: string[] = [];
    const observer = (event: CacheEvent): void => {
      if (event.type === 'tier_failure') failures.push(String(event.error));
    };
    other.attach({ observer });
    expect(await other.getOrSet('k', () => 'again', { l2Timeout: 5_000 })).toBe('again');
    expect(failures).toContainEqual(expect.stringContaining('they name 300000 tags'));
    const isReplaced = async () => {
      if ((await admin.strlen(key)) < 1_000) return true;
      await other.getOrSet('k', () => 'again', { l2Timeout: 5_000, forceFresh: true });
      return false;
    };
    await until(isReplaced, { what: 'another record', within: 15_000 });
    expect(await admin.exists(keys.tag('t7', await fleet.generation()))).toBe(0);
  });
});
