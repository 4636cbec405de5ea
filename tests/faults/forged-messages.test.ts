import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { lru } from '../../src/adapters/lru/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { type Keyspace, keyspace } from '../../src/adapters/redis/protocol/keyspace.ts';
import { createCache, type TieredCache } from '../../src/index.ts';
import { CACHE } from '../../src/testing/contracts/harness.ts';
import { until } from '../../src/testing/until.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

setDefaultTimeout(30_000);

const KEYS = Array.from({ length: 40 }, (_, index) => `hot:${index}`);
const PER_SECOND = 200;
const FLOOD_MS = 1_500;

let url: string;
let admin: Redis;

beforeAll(async () => {
  url = await sharedRedis();
  admin = new Redis(url);
});

afterAll(() => admin.disconnect());

const hex = (): string => Math.floor(Math.random() * 2 ** 32).toString(16);

/** Messages that somebody publishes who knows the form, and nothing else. */
const FORGED: Readonly<Record<string, (epoch: string) => string>> = {
  'numbers that do not follow each other': (epoch) => forged(epoch, { ids: [hex()], tags: [] }),
  'epochs that there never were': () => forged(hex().padStart(16, 'f').slice(0, 16), { ids: [hex()], tags: [] }),
  'patterns that match nothing': (epoch) =>
    forged(epoch, { ids: [], tags: [], pattern: { namespace: '', glob: `*${hex()}` } }),
  'no JSON': () => hex(),
};

function forged(epoch: string, targets: object): string {
  const sequence = 1 + Math.floor(Math.random() * 1e6);
  return JSON.stringify({ format: 2, kind: 'invalidation', origin: hex(), mode: 'delete', targets, epoch, sequence });
}

/** Publishes at a steady pace until it is ended. */
function flood(channel: string, make: () => string): { readonly end: () => void } {
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - began) / 1_000) * PER_SECOND; sent += 1) void admin.publish(channel, make());
  }, 5);
  return { end: () => clearInterval(timer) };
}

/** So long is a value fresh: what was loaded has to be stored again and again. */
const TTL = '300ms';

interface Tally {
  reads: number;
  /** Reads for which the loader was called. */
  loads: number;
  /** Loads whose value was stored in L2. */
  stored: number;
  /** Reads that did not ask L2, because its history was in doubt. */
  untrusted: number;
}

/** Reads the hot keys together for a while. */
async function readFor(cache: TieredCache, ms: number): Promise<Tally> {
  const tally = { reads: 0, loads: 0, stored: 0, untrusted: 0 };
  const load = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return 'value';
  };
  const end = performance.now() + ms;
  while (performance.now() < end) {
    const lookups = await Promise.all(KEYS.map((key) => cache.lookup(key, load, { tags: ['hot'], ttl: TTL })));
    for (const { tier, steps } of lookups) {
      tally.reads += 1;
      tally.loads += tier === 'source' ? 1 : 0;
      tally.stored += steps.l2?.stored ? 1 : 0;
      tally.untrusted += steps.l2?.reason === 'untrusted' ? 1 : 0;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return tally;
}

async function withCache(play: (cache: TieredCache, keys: Keyspace, epoch: string) => Promise<void>): Promise<void> {
  const namespace = uniqueNamespace();
  const keys = keyspace(namespace, CACHE, 0);
  const cache = createCache({ l1: lru(), ...redis(url, { namespace }), defaults: { l2Timeout: 1_000 } });
  try {
    expect(await cache.ready(5_000)).toBe(true);
    const [epoch = ''] = String(await admin.hget(keys.history, 'generation')).split(' ');
    await readFor(cache, 50);
    await play(cache, keys, epoch);
  } finally {
    await cache.close();
  }
}

describe(`${PER_SECOND} forged messages a second leave L2 in use, and L1 is back when they have ended:`, () => {
  test.each(Object.entries(FORGED))('%s', async (_what, make) => {
    await withCache(async (cache, keys, epoch) => {
      const { end } = flood(keys.bus, () => make(epoch));
      const { reads, loads, stored, untrusted } = await readFor(cache, FLOOD_MS);
      end();
      expect(untrusted / reads).toBeLessThan(0.25);
      // A resync voids the loads under way: at most ten times a second, and not with every message.
      expect(stored / loads).toBeGreaterThan(0.25);
      const isBack = async () => (await cache.lookup('hot:0', () => 'value')).tier === 'l1';
      await until(isBack, { what: 'L1', within: 5_000 });
    });
  });
});

test('a megabyte of brackets on the bus costs less than a hundredth of a second each', async () => {
  await withCache(async (cache, keys, epoch) => {
    const before = cache.stats().bus.malformed;
    const deep = `${'['.repeat(2 ** 19)}${']'.repeat(2 ** 19)}`;
    const nested = forged(epoch, { ids: [], tags: [], later: 0 }).replace('"later":0', `"later":${deep}`);
    for (let sent = 0; sent < 10; sent += 1) await admin.publish(keys.bus, nested);
    await until(() => cache.stats().bus.malformed - before === 10, { what: 'ten dropped', within: 10_000 });
    expect(await cache.getOrSet('hot:0', () => 'value')).toBe('value');
  });
});
