import { describe, expectTypeOf, test } from 'bun:test';
import {
  type CacheError,
  type CacheEvent,
  type CacheOptions,
  type CacheView,
  type Duration,
  type InvalidateRequest,
  type InvalidKeyError,
  type InvalidOptionError,
  isCacheError,
  type Loader,
  type LoaderContext,
  type Lookup,
  type ReadOptions,
  type TieredCache,
  type TierName,
  type WarmResult,
  type WriteOptions,
} from '../../src/index.ts';

/**
 * What the compiler makes of calls as users write them. Nothing here runs: `tsc` refuses the file when an inference
 * changes, and what must not compile is asked for as a question whose answer is `false`.
 */
declare const cache: TieredCache;
type Product = { readonly id: number; readonly org: number };
declare const loadProduct: (signal: AbortSignal) => Promise<Product>;

/** Whether a value of the one type may stand where the other is wanted. */
type Fits<Given, Wanted> = [Given] extends [Wanted] ? true : false;

const calls = {
  sync: () => cache.getOrSet('k', () => 1),
  async: () => cache.getOrSet('k', ({ signal }) => loadProduct(signal)),
  absent: () => cache.getOrSet('k', async (): Promise<Product | null> => null),
  named: () => cache.getOrSet<Product>('k', ({ signal }) => loadProduct(signal), { ttl: '5m' }),
  tagged: () => cache.getOrSet('k', ({ signal }) => loadProduct(signal), { tags: ({ org }) => [`org:${org}`] }),
  lookup: () => cache.lookup('k', ({ signal }) => loadProduct(signal)),
  inNamespace: () =>
    cache
      .namespace('n')
      .namespace('m')
      .getOrSet('k', () => ['a']),
  get: () => cache.get('k'),
  getNamed: () => cache.get<Product>('k'),
  peek: () => cache.peek<Product>('k'),
  set: () => cache.set('k', { n: 1 }, { tags: ({ n }) => [`n:${n}`], version: 3 }),
  many: () => cache.getOrSetMany(['k'], ({ keys }) => keys.map((key) => [key, key.length] as const)),
  manyMap: () => cache.getOrSetMany(['k'], async () => new Map<string, Product>()),
  manyTagged: () =>
    cache.getOrSetMany(
      ['k'],
      async ({ keys, signal }) => Promise.all(keys.map(async (key) => [key, await loadProduct(signal)] as const)),
      { tags: (product) => (product === null ? [] : [`org:${product.org}`]) },
    ),
  manyLookups: () => cache.lookupMany(['k'], () => [['k', 1]]),
  getMany: () => cache.getMany(['k']),
  getManyNamed: () => cache.getMany<Product>(['k']),
  setMany: () => cache.setMany([['k', { n: 1 }]], { tags: ({ n }) => [`n:${n}`] }),
  deleteMany: () => cache.deleteMany(['k'], { onPending: 'resolve' }),
  invalidate: () => cache.invalidate({ tags: ['t'] }, { onPending: 'resolve' }),
  warm: () =>
    cache.warm(
      [1, 2].map((id) => ({ key: `k:${id}`, loader: () => ({ id }) })),
      { concurrency: 2 },
    ),
  warmTagged: () =>
    cache.warm([
      { key: 'k', loader: ({ signal }) => loadProduct(signal), options: { tags: ({ org }) => [`org:${org}`] } },
    ]),
};

describe('the compiler infers', () => {
  test('the value of getOrSet from its loader', () => {
    expectTypeOf(calls.sync).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(calls.async).returns.resolves.toEqualTypeOf<Product>();
    expectTypeOf(calls.absent).returns.resolves.toEqualTypeOf<Product | null>();
    expectTypeOf(calls.named).returns.resolves.toEqualTypeOf<Product>();
    expectTypeOf(calls.tagged).returns.resolves.toEqualTypeOf<Product>();
    expectTypeOf(calls.inNamespace).returns.resolves.toEqualTypeOf<readonly string[]>();
  });

  test('the value of a lookup, and what it says beside it', () => {
    expectTypeOf(calls.lookup).returns.resolves.toEqualTypeOf<Lookup<Product>>();
    expectTypeOf<Lookup<Product>['tier']>().toEqualTypeOf<TierName>();
    expectTypeOf<TierName>().toEqualTypeOf<'l1' | 'l2' | 'source'>();
    expectTypeOf<Lookup<Product>['state']>().toEqualTypeOf<'fresh' | 'stale'>();
  });

  test('nothing that a plain read cannot know: its value may be absent, and is what the caller says it is', () => {
    expectTypeOf(calls.get).returns.resolves.toEqualTypeOf<unknown>();
    expectTypeOf(calls.getNamed).returns.resolves.toEqualTypeOf<Product | undefined>();
    expectTypeOf(calls.peek).returns.toEqualTypeOf<Product | undefined>();
  });

  test('the values of many keys from their loader, which may leave some out', () => {
    expectTypeOf(calls.many).returns.resolves.toEqualTypeOf<(number | null)[]>();
    expectTypeOf(calls.manyMap).returns.resolves.toEqualTypeOf<(Product | null)[]>();
    expectTypeOf(calls.manyTagged).returns.resolves.toEqualTypeOf<(Product | null)[]>();
    expectTypeOf(calls.manyLookups).returns.resolves.toEqualTypeOf<Lookup<number | null>[]>();
    expectTypeOf(calls.getMany).returns.resolves.toEqualTypeOf<unknown[]>();
    expectTypeOf(calls.getManyNamed).returns.resolves.toEqualTypeOf<(Product | undefined)[]>();
    expectTypeOf(calls.setMany).returns.resolves.toEqualTypeOf<boolean[]>();
    expectTypeOf(calls.deleteMany).returns.resolves.toEqualTypeOf<void>();
  });

  test('what a loader is given', () => {
    expectTypeOf<Parameters<Loader<Product>>[0]>().toEqualTypeOf<LoaderContext>();
    expectTypeOf<LoaderContext['stale']>().toEqualTypeOf<unknown>();
    expectTypeOf<LoaderContext['signal']>().toEqualTypeOf<AbortSignal>();
    expectTypeOf<Parameters<LoaderContext['setTtl']>[0]>().toEqualTypeOf<Duration>();
  });

  test('what a write, an invalidation, a warm-up and their options answer', () => {
    for (const call of [calls.warm, calls.warmTagged]) expectTypeOf(call).returns.resolves.toEqualTypeOf<WarmResult>();
    expectTypeOf(calls.set).returns.resolves.toEqualTypeOf<boolean>();
    expectTypeOf(calls.invalidate).returns.resolves.toEqualTypeOf<{ readonly keys: number; readonly tags: number }>();
    expectTypeOf<Fits<TieredCache, CacheView>>().toEqualTypeOf<true>();
    expectTypeOf<Fits<TieredCache, AsyncDisposable>>().toEqualTypeOf<true>();
  });
});

describe('the compiler takes', () => {
  test('durations as they are written in the documents', () => {
    expectTypeOf<Fits<1_000 | '250ms' | '30s' | '5m' | '1h' | '1d' | '1.5h', Duration>>().toEqualTypeOf<true>();
  });

  test('options that only some calls have, where they have them', () => {
    expectTypeOf<
      Fits<{ forceFresh: true; softTimeout: false; refreshAhead: 0.8 }, ReadOptions>
    >().toEqualTypeOf<true>();
    expectTypeOf<Fits<{ version: 3 }, WriteOptions>>().toEqualTypeOf<true>();
    expectTypeOf<Fits<{ keys: readonly string[]; mode: 'expire' }, InvalidateRequest>>().toEqualTypeOf<true>();
  });
});

describe('the compiler refuses', () => {
  test('what is no duration', () => {
    expectTypeOf<Fits<'5 minutes', Duration>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<'1w', Duration>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<boolean, Duration>>().toEqualTypeOf<false>();
  });

  test('tags that are no list of strings', () => {
    expectTypeOf<Fits<{ tags: string }, ReadOptions>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<{ tags: number[] }, ReadOptions>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<{ tags: (value: { other: 1 }) => string[] }, ReadOptions<Product>>>().toEqualTypeOf<false>();
  });

  test('a switch where there is none, and a cache without an L1', () => {
    expectTypeOf<Fits<{ hardTimeout: false }, ReadOptions>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<{ mode: 'remove' }, InvalidateRequest>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<{ name: 'cache' }, CacheOptions>>().toEqualTypeOf<false>();
    expectTypeOf<Fits<'signal', keyof NonNullable<CacheOptions['defaults']>>>().toEqualTypeOf<false>();
  });
});

describe('errors', () => {
  test('are told apart by a guard and a literal code', () => {
    expectTypeOf<InvalidKeyError['code']>().toEqualTypeOf<'INVALID_KEY'>();
    expectTypeOf<InvalidOptionError['code']>().toEqualTypeOf<'INVALID_OPTION'>();
    expectTypeOf(isCacheError).guards.toEqualTypeOf<CacheError>();
    expectTypeOf<Fits<InvalidKeyError, CacheError>>().toEqualTypeOf<true>();
  });

  test('and events by their type, whose payload goes with it', () => {
    type Gap = Extract<CacheEvent, { type: 'bus_gap' }>;
    expectTypeOf<Gap['got']>().toEqualTypeOf<number>();
    expectTypeOf<Extract<CacheEvent, { type: 'lookup' }>['lookup']>().toEqualTypeOf<Lookup<unknown>>();
  });
});
