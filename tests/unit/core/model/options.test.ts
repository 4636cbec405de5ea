import { describe, expect, test } from 'bun:test';
import { memoryLocalTier } from '../../../../src/adapters/memory/index.ts';
import { RESOLVED_DEFAULTS, resolveOptions } from '../../../../src/core/model/options.ts';
import {
  type CacheOptions,
  createCache,
  DEFAULTS,
  InvalidKeyError,
  InvalidOptionError,
  MAX_TAGS,
  type ReadOptions,
} from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

describe('the defaults', () => {
  test('are those of the contract', () => {
    expect(DEFAULTS).toEqual({
      ttl: '1h',
      l1Ttl: '30s',
      negativeTtl: '30s',
      staleWhileRevalidate: 0,
      staleIfError: 0,
      refreshAhead: false,
      jitter: 0.1,
      softTimeout: false,
      hardTimeout: '10s',
      leaseWait: Infinity,
      l2Timeout: 50,
      lease: '5s',
      tags: [],
      forceFresh: false,
    });
    expect(RESOLVED_DEFAULTS).toMatchObject({
      ttlMs: 3_600_000,
      l2TimeoutMs: 50,
      leaseWaitMs: Infinity,
      softTimeoutMs: Infinity,
      refreshAhead: 1,
      xfetchBeta: 0,
    });
  });

  test('are frozen', () => {
    expect(Object.isFrozen(DEFAULTS)).toBe(true);
    expect(Object.isFrozen(DEFAULTS.tags)).toBe(true);
    expect(Object.isFrozen(RESOLVED_DEFAULTS)).toBe(true);
  });

  test('of a cache stand in for what a call leaves out, and a call overrides them', () => {
    const ofCache = resolveOptions({ ttl: '5m', softTimeout: 20 });
    expect(resolveOptions({}, ofCache)).toMatchObject({ ttlMs: 300_000, softTimeoutMs: 20 });
    expect(resolveOptions({ ttl: 7, softTimeout: false }, ofCache)).toMatchObject({
      ttlMs: 7,
      softTimeoutMs: Infinity,
    });
  });
});

/** Options as somebody without types may write them. */
const REFUSED: readonly (readonly [given: Record<string, unknown>, message: RegExp])[] = [
  [{ ttl: -1 }, /^Option ttl must be milliseconds.*; got -1$/],
  [{ ttl: Number.NaN }, /^Option ttl must be .*; got NaN$/],
  [{ ttl: '5 minutes' }, /^Option ttl must be .*; got "5 minutes"$/],
  [{ ttl: false }, /^Option ttl must be .*; got false$/],
  [{ ttl: null }, /^Option ttl must be .*; got null$/],
  [{ ttl: {} }, /^Option ttl must be .*; got an object$/],
  [{ l1Ttl: '-1s' }, /^Option l1Ttl /],
  [{ negativeTtl: 'x' }, /^Option negativeTtl /],
  [{ staleWhileRevalidate: '1w' }, /^Option staleWhileRevalidate /],
  [{ staleIfError: [] }, /^Option staleIfError must be .*; got an array$/],
  [{ softTimeout: 'no' }, /^Option softTimeout /],
  [{ hardTimeout: 0 }, /^Option hardTimeout must be longer than 0; got 0$/],
  [{ hardTimeout: false }, /^Option hardTimeout must be .*; got false$/],
  [{ leaseWait: -1 }, /^Option leaseWait must be .*; got -1$/],
  [{ leaseWait: false }, /^Option leaseWait must be .*; got false$/],
  [{ l2Timeout: 0 }, /^Option l2Timeout must be longer than 0; got 0$/],
  [{ lease: 0 }, /^Option lease must be longer than 0; got 0$/],
  [{ lease: Infinity }, /^Option lease must be finite.*; got Infinity$/],
  [{ jitter: 1.1 }, /^Option jitter must be a ratio from 0 to 1; got 1.1$/],
  [{ jitter: '10%' }, /^Option jitter must be a ratio/],
  [{ refreshAhead: -0.1 }, /^Option refreshAhead must be a ratio/],
  [{ refreshAhead: true }, /^Option refreshAhead must be a ratio from 0 to 1; got true$/],
  [{ refreshAhead: {} }, /^Option refreshAhead must be .* with a number above 0; got undefined$/],
  [{ refreshAhead: { beta: 0 } }, /^Option refreshAhead must be .* with a number above 0; got 0$/],
  [{ tenant: 7 }, /^Option tenant must be a string; got 7$/],
  [{ tags: 'org:1' }, /^Option tags must be an array of strings, or a function.*; got "org:1"$/],
  [{ tags: Array.from({ length: MAX_TAGS + 1 }, (_, n) => `t${n}`) }, /^Option tags must be at most 64 tags; got 65$/],
  [{ forceFresh: 'yes' }, /^Option forceFresh must be true or false; got "yes"$/],
  [{ signal: {} }, /^Option signal must be an AbortSignal; got an object$/],
  [{ timeToLive: 5 }, /^Option timeToLive is unknown: write ttl \(known: ttl, .*\)$/],
];

describe('an option that cannot be used rejects, naming itself and what was given:', () => {
  for (const [given, message] of REFUSED) {
    test(
      Object.entries(given)
        .map(([name, value]) => `${name}: ${Bun.inspect(value).slice(0, 20)}`)
        .join(),
      () => {
        const fleet = new Fleet();
        const error = fleet.failure(fleet.cache().getOrSet('k', () => 1, given as ReadOptions));
        expect(error).toBeInstanceOf(InvalidOptionError);
        expect(error).toMatchObject({
          code: 'INVALID_OPTION',
          option: Object.keys(given)[0],
          message: expect.stringMatching(message),
        });
      },
    );
  }

  test('version of a set', () => {
    const fleet = new Fleet();
    for (const version of [-1, 0.5, 2 ** 53, '1' as unknown as number]) {
      const error = fleet.failure(fleet.cache().set('k', 1, { version }));
      expect(error).toMatchObject({ code: 'INVALID_OPTION', option: 'version' });
    }
  });

  test('a loader that is none', () => {
    const fleet = new Fleet();
    const error = fleet.failure(fleet.cache().getOrSet('k', 'SELECT 1' as unknown as () => string));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option: 'loader' });
  });
});

describe('tags', () => {
  test('count once, however often they are named', () => {
    const twice = Array.from({ length: 2 * MAX_TAGS }, (_, n) => `t${n % MAX_TAGS}`);
    const fleet = new Fleet();
    const { tags } = fleet.settle(fleet.cache().lookup('k', () => 1, { tags: twice.slice(0, MAX_TAGS) }));
    expect(tags).toHaveLength(MAX_TAGS);
  });

  test('are limited in all: those of the options, of the value and of the loader together', () => {
    const fleet = new Fleet();
    const some = (prefix: string) => Array.from({ length: MAX_TAGS / 2 + 1 }, (_, n) => `${prefix}${n}`);
    const error = fleet.failure(
      fleet.cache().getOrSet(
        'k',
        ({ setTags }) => {
          setTags(some('loader'));
          return 1;
        },
        { tags: some('option') },
      ),
    );
    expect(error).toMatchObject({ code: 'INVALID_OPTION', option: 'tags' });
  });

  test('must be usable names', () => {
    const fleet = new Fleet();
    expect(fleet.failure(fleet.cache().getOrSet('k', () => 1, { tags: [''] }))).toBeInstanceOf(InvalidKeyError);
    const noArray = () => 'org:1' as unknown as string[];
    expect(fleet.failure(fleet.cache().getOrSet('k', () => 1, { tags: noArray }))).toBeInstanceOf(InvalidOptionError);
  });
});

describe('createCache refuses', () => {
  const l1 = memoryLocalTier();
  const cases: readonly (readonly [options: Record<string, unknown>, option: string])[] = [
    [{}, 'l1'],
    [{ l1, ttl: '1h' }, 'ttl'],
    [{ l1, bus: {} }, 'bus'],
    [{ l1, maxLag: 149 }, 'maxLag'],
    [{ l1, maxLag: Infinity }, 'maxLag'],
    [{ l1, maxLag: 'soon' }, 'maxLag'],
    [{ l1, defaults: { ttl: -5 } }, 'ttl'],
    [{ l1, defaults: { l2timeout: 5 } }, 'l2timeout'],
    [{ l1, name: '' }, 'name'],
    [{ l1, breaker: { windowMs: 0 } }, 'breaker.windowMs'],
    [{ l1, breaker: { failureRatio: 2 } }, 'breaker.failureRatio'],
    [{ l1, breaker: { minimumCalls: 0 } }, 'breaker.minimumCalls'],
    [{ l1, breaker: { openMs: Number.NaN } }, 'breaker.openMs'],
    [{ l1, breaker: { openMs: Infinity } }, 'breaker.openMs'],
    [{ l1, breaker: { open: 5 } }, 'breaker.open'],
    [{ l1, breaker: { settleMs: -1 } }, 'breaker.settleMs'],
    [{ l1, source: {} }, 'source.isFailure'],
    [{ l1, source: { isFailure: Boolean, slowAfter: 0 } }, 'source.slowAfter'],
    [{ l1, source: { isFailure: Boolean, slow: 1 } }, 'source.slow'],
    [{ l1, source: { isFailure: Boolean, breaker: { openMs: 0 } } }, 'source.breaker.openMs'],
  ];
  for (const [options, option] of cases) {
    test(`${option} of ${Object.keys(options).join(', ') || 'nothing'}`, () => {
      expect(() => createCache(options as unknown as CacheOptions)).toThrow(InvalidOptionError);
      expect(() => createCache(options as unknown as CacheOptions)).toThrow(new RegExp(`^Option ${option} `));
    });
  }
});
