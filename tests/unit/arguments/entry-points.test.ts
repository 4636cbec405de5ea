import { describe, expect, test } from 'bun:test';
import * as elysia from '../../../src/adapters/elysia/index.ts';
import * as l1 from '../../../src/adapters/lru/index.ts';
import { memoryLocalTier } from '../../../src/adapters/memory/index.ts';
import * as pg from '../../../src/adapters/postgres/index.ts';
import * as l2 from '../../../src/adapters/redis/index.ts';
import * as core from '../../../src/index.ts';
import * as otel from '../../../src/telemetry/index.ts';
import * as testing from '../../../src/testing/index.ts';
import { IOREDIS_NAMES } from './kinds.ts';

type Bad = readonly [given: readonly unknown[], message: RegExp];

const OBJECT = /^Option \w+ must be an object with any of/;

const LOCAL = memoryLocalTier();
const URL = 'redis://127.0.0.1:1';
const noTemplate = { table: 'books', tags: ['book'], all: ['books'] };

/** As postgres.js shows itself; nothing is sent. */
const pool = Object.assign(() => {}, { begin: () => {}, options: {} });

/** Every function that makes or installs something, and what it must refuse. */
const REFUSED: Readonly<Record<string, readonly Bad[]>> = {
  createCache: [
    [[], OBJECT],
    [[null], OBJECT],
    [['redis://'], OBJECT],
    [[{}], /^Option l1 must be a local tier, such as lru\(\) of tiercel\/lru; got undefined$/],
    [[{ l1: l1.lru }], /^Option l1 must be a local tier, such as lru\(\) of tiercel\/lru; got a function$/],
    [[{ l1: new Map() }], /^Option l1 must be a local tier/],
    [[{ l1: LOCAL, l2: l2.redis(URL) }], /^Option l2 must be what redis\(\) .*\.\.\.redis\(url\) }\); got an object$/],
    [[{ l1: LOCAL, l2: URL }], /^Option l2 must be what redis\(\)/],
    [[{ l1: LOCAL, ...l2.redis(URL), bus: l2.redis(URL) }], /^Option bus must be what redis\(\)/],
    [[{ l1: LOCAL, bus: l2.redis(URL).bus }], /^Option bus must be given together with l2/],
    [[{ l1: LOCAL, outbox: pool }], /^Option outbox must be an outbox: outbox\(sql\)/],
    [[{ l1: LOCAL, ttl: '1m' }], /^Option ttl is unknown: write defaults: { ttl: … }/],
    [[{ l1: LOCAL, nmae: 'a' }], /^Option nmae is unknown; did you mean name\?/],
    [[{ l1: LOCAL, namespace: 'a' }], /^Option namespace is unknown: it is an option of redis\(/],
    [[{ l1: LOCAL, name: '' }], /^Option name must be/],
    [[{ l1: LOCAL, name: 7 }], /^Option name must be/],
    [[{ l1: LOCAL, version: {} }], /^Option version must be a string or a finite number/],
    [[{ l1: LOCAL, freeze: 'no' }], /^Option freeze must be true or false/],
    [[{ l1: LOCAL, codec: JSON }], /^Option codec must be an object with encode\(value\) and decode\(json\)/],
    [[{ l1: LOCAL, validate: /x/ }], /^Option validate must be a function of a value/],
    [[{ l1: LOCAL, groupOf: 'product' }], /^Option groupOf must be a function of a key/],
    [[{ l1: LOCAL, codec: 'superjson' }], /^Option codec must be/],
    [[{ l1: LOCAL, maxLag: '1 s' }], /^Option maxLag must be/],
    [[{ l1: LOCAL, maxLoads: '4' }], /^Option maxLoads must be/],
    [[{ l1: LOCAL, maxValueBytes: '1 MB' }], /^Option maxValueBytes must be/],
    [[{ l1: LOCAL, defaults: '1m' }], /^Option defaults must be an object/],
    [[{ l1: LOCAL, defaults: { ttll: 1 } }], /^Option ttll is unknown; did you mean ttl\?/],
    [[{ l1: LOCAL, defaults: { tags: ['a'] } }], /^Option tags is unknown: it is an option of each call/],
    [[{ l1: LOCAL, defaults: { ttl: 'x' } }], /^Option ttl must be/],
    [[{ l1: LOCAL, onError: 'log' }], /^Option onError must be a function/],
    [[{ l1: LOCAL, observers: () => {} }], /^Option observers must be an array of functions/],
    [[{ l1: LOCAL, observers: [1] }], /^Option observers must be an array of functions/],
    [[{ l1: LOCAL, tracer: {} }], /^Option tracer must be a tracer/],
    [[{ l1: LOCAL, clock: Date }], /^Option clock must be/],
    [[{ l1: LOCAL, random: Math.random }], /^Option random must be/],
    [[{ l1: LOCAL, source: Number.isNaN }], /^Option source must be an object/],
    [[{ l1: LOCAL, source: {} }], /^Option source\.isFailure must be a function/],
    [[{ l1: LOCAL, source: { isFailure: Number.isNaN, slow: 1 } }], /^Option source\.slow is unknown/],
    [[{ l1: LOCAL, breaker: { openMs: '5' } }], /^Option breaker\.openMs must be above 0.*; got "5"$/],
    [[{ l1: LOCAL, breaker: { open: 5 } }], /^Option breaker\.open is unknown; did you mean breaker\.openMs\?/],
  ],
  lru: [
    [[null], OBJECT],
    [[1_000], OBJECT],
    [[{ max: 1_000 }], /^Option max is unknown: write maxEntries/],
    [[{ maxSize: 1_000 }], /^Option maxSize is unknown: write maxBytes/],
    [[{ ttl: 1_000 }], /^Option ttl is unknown: it is an option of createCache/],
    [[{ maxBites: 1_000 }], /^Option maxBites is unknown; did you mean maxBytes\?/],
    [[{ maxBytes: '64MB' }], /^Option maxBytes must be a whole number/],
    [[{ maxEntries: 0.5 }], /^Option maxEntries must be a whole number/],
    [[{ sizeOf: 100 }], /^Option sizeOf must be a function/],
  ],
  redis: [
    [[], /^Option url must be the address of a Redis server/],
    [[{ host: 'localhost', port: 6379 }], /^Option url must be the address of a Redis server, or an ioredis client/],
    ...['us%er:word', 'user:w%zzord', ':100%', 'user:%E0%A4%A'].map(
      (badly): Bad => [
        [`redis://${badly}@127.0.0.1:1`],
        /user and password are escaped, a % as %25; got "redis:\/\/…"$/,
      ],
    ),
    [[URL, null], OBJECT],
    [[URL, 'ns'], OBJECT],
    [[URL, { nameSpace: 'a' }], /^Option nameSpace is unknown; did you mean namespace\?/],
    [[URL, { connections: '2' }], /^Option connections must be/],
    [[URL, { connectTimeout: '2s' }], /^Option connectTimeout must be/],
    [[URL, { probeEvery: '2s' }], /^Option probeEvery must be/],
    [[URL, { compression: { from: 1 } }], /^Option compression\.from is unknown \(known: threshold\)/],
    [[URL, { compression: 'gzip' }], /^Option compression must be/],
    [[URL, { onWarning: 'log' }], /^Option onWarning must be a function/],
    ...Object.entries(IOREDIS_NAMES).map(([name, message]): Bad => [[URL, { [name]: 'given' }], message]),
  ],
  outbox: [
    [[], /^Option sql must be a pool of postgres\.js/],
    [['postgres://'], /^Option sql must be a pool of postgres\.js/],
    [[{ query: () => {} }], /^Option sql must be a pool of postgres\.js/],
    [[pool, null], OBJECT],
    [[pool, { windw: '3m' }], /^Option windw is unknown; did you mean window\?/],
    [[pool, { window: '1m' }], /^Option window must be at least 2 minutes/],
    [[pool, { sole: 'yes' }], /^Option sole must be true or false/],
  ],
  outboxSql: [
    [[], /^Option tables must be an array of declarations/],
    [['books'], /^Option tables must be an array of declarations/],
    [[noTemplate], /^Option tables must be an array of declarations/],
    [[['books']], /^Option tables must be an object with any of/],
    [[[{ ...noTemplate, table: 7 }]], /^Option table must be the name of a table/],
    [[[{ ...noTemplate, tag: 'b' }]], /^Option tag is unknown; did you mean tags\?/],
    [[[{ ...noTemplate, tags: 'books' }]], /^Option tags must be an array of strings; got "books"$/],
    [[[{ ...noTemplate, keys: [7] }]], /^Option keys must be an array of strings; got 7$/],
    [[[{ ...noTemplate, all: 'books' }]], /^Option all must be an array of strings/],
    [[[{ ...noTemplate, columns: 'version' }]], /^Option columns must be an array of strings/],
    [[[{ ...noTemplate, via: ['select'] }]], /^Option via must be the text of a SELECT/],
  ],
  instrument: [
    [[], /^Option cache must be a cache that createCache has made/],
    [[{ cache: {} }], /^Option cache must be a cache/],
  ],
  tiercel: [
    [[], OBJECT],
    [[{}], /^Option cache must be a cache: tiercel\({ cache: createCache\(…\) }\)/],
    [[{ cache: new Map() }], /^Option cache must be a cache/],
    [[{ cach: 1 }], /^Option cach is unknown; did you mean cache\?/],
  ],
  createTestCache: [
    [[null], OBJECT],
    [[{ clock: 1 }], /^Option clock is unknown: a test cache brings its own/],
    [[{ l2: 1 }], /^Option l2 is unknown: a test cache brings its own/],
    [[{ tiers: 'l2' }], /^Option tiers must be l1 or l1\+l2 or l1\+l2\+bus/],
    [[{ seed: 'x' }], /^Option seed must be a safe integer/],
    [[{ l1: l1.lru }], /^Option l1 must be a local tier/],
    [[{ defaults: { ttll: 1 } }], /^Option ttll is unknown/],
    [[{ observers: 1 }], /^Option observers must be an array/],
  ],
};

/** Functions that take plain values of their types and make nothing, each with what they are for. */
const PLAIN: Readonly<Record<string, string>> = {
  bytesOf: 'a figure of an entry',
  fromId: 'the parts of an id',
  groupOf: 'the group of a key',
  isCacheError: 'takes anything',
  isUnavailable: 'takes anything',
  cancellable: 'awaits a query',
  dropOutboxSql: 'takes nothing',
  transaction: 'hands on to sql.begin, which refuses by itself',
  cacheHeaders: 'headers of a lookup',
  cacheStatus: 'a header of a lookup',
  serverTiming: 'a header of a lookup',
  ifNoneMatch: 'compares two texts',
  respond: 'an answer of a lookup',
  strongEtag: 'a hash of a text',
  otelTracer: 'a tracer of any name',
  chaosLoader: 'for tests of a loader',
  chaosRemoteTier: 'for tests of a tier',
  busContract: 'a list of tests',
  localTierContract: 'a list of tests',
  outboxContract: 'a list of tests',
  remoteTierContract: 'a list of tests',
};

const MODULES = { core, lru: l1, redis: l2, postgres: pg, elysia, otel, testing };

function exported(): [name: string, member: (...given: unknown[]) => unknown][] {
  return Object.values(MODULES).flatMap((module) =>
    Object.entries<unknown>(module).filter((entry): entry is [string, (...given: unknown[]) => unknown] => {
      const [, member] = entry;
      return typeof member === 'function' && !String(member).startsWith('class');
    }),
  );
}

test('every function of every entry point has refusals here, or makes nothing', () => {
  const known = [...Object.keys(REFUSED), ...Object.keys(PLAIN)];
  const names = exported().map(([name]) => name);
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
  expect(known.filter((name) => !names.includes(name))).toEqual([]);
});

describe('is refused at once, by name:', () => {
  const functions = new Map(exported());
  for (const [name, rows] of Object.entries(REFUSED)) {
    for (const [given, message] of rows) {
      test(`${name}: ${message.source}`, () => {
        const call = functions.get(name);
        const thrown = errorOf(() => call?.(...given));
        expect(thrown).toBeInstanceOf(core.InvalidOptionError);
        expect(thrown).toMatchObject({ message: expect.stringMatching(message) });
      });
    }
  }
});

test('an instance that joins a test cache is checked as the first one', async () => {
  await using fleet = testing.createTestCache();
  const seed = { seed: 2 } as Parameters<typeof fleet.join>[0];
  expect(() => fleet.join(seed)).toThrow(/^Option seed is unknown: it is an option of createTestCache/);
});

test('a claim outside of a transaction rejects', async () => {
  const outbox = pg.outbox(pool as unknown as Parameters<typeof pg.outbox>[0]);
  const error = await outbox.claim(pool as never).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    option: 'transaction',
    message: expect.stringContaining('the transaction that sql.begin passes'),
  });
});

function errorOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
