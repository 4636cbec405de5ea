import { describe, expectTypeOf, test } from 'bun:test';
import type {
  Cached,
  CacheOptions,
  CacheView,
  createCache,
  Jsonify,
  Loader,
  LocalTier,
  Lookup,
  ReadOptions,
  TieredCache,
  ValueCodec,
} from '../../src/index.ts';

/** What the compiler says comes back of a value. Nothing here runs. */
declare const cache: TieredCache;
declare const plain: TieredCache<'plain'>;
declare const decoded: TieredCache<'decoded'>;
declare const make: typeof createCache;
declare const l1: LocalTier;
declare const freeze: boolean;
declare const codec: ValueCodec;
declare const perhaps: ValueCodec | undefined;

interface Author {
  name: string;
  born: Date;
}
interface Article {
  id: number;
  publishedAt: Date;
  authors: Author[];
  subtitle?: string;
  editor: Author | undefined;
  readonly home: URL;
  words(): number;
}
interface Tree {
  at: Date;
  children: Tree[];
  parent?: Tree;
}
type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
type OrderId = string & { readonly __brand: 'OrderId' };
type Shape = { kind: 'circle'; radius: number } | { kind: 'dated'; at: Date };
/** As an enum is declared elsewhere. */
declare enum Status {
  Open,
  Shut,
}
declare class Money {
  constructor(cents: bigint);
  readonly cents: bigint;
  toJSON(): { cents: string };
}
declare class Itself {
  amount: number;
  toJSON(): this;
}
declare class Point {
  x: number;
  y: number;
  length(): number;
}

describe('JSON gives back', () => {
  test('an interface with the texts of its dates and URLs, without its methods', () => {
    expectTypeOf<Jsonify<Article>>().toEqualTypeOf<{
      id: number;
      publishedAt: string;
      authors: { name: string; born: string }[];
      subtitle?: string;
      editor?: { name: string; born: string };
      readonly home: string;
    }>();
  });

  test('the same deeply readonly, from a cache that freezes', () => {
    expectTypeOf<Cached<Article>>().toEqualTypeOf<{
      readonly id: number;
      readonly publishedAt: string;
      readonly authors: readonly { readonly name: string; readonly born: string }[];
      readonly subtitle?: string;
      readonly editor?: { readonly name: string; readonly born: string };
      readonly home: string;
    }>();
    expectTypeOf<Cached<Article, 'plain'>>().toEqualTypeOf<Jsonify<Article>>();
    expectTypeOf<Cached<Article, 'decoded'>>().toEqualTypeOf<Article>();
  });

  test('recursive types, however deep', () => {
    expectTypeOf<Cached<Tree>['children'][number]['children'][number]['at']>().toEqualTypeOf<string>();
    expectTypeOf<NonNullable<Cached<Tree>['parent']>['at']>().toEqualTypeOf<string>();
    expectTypeOf<Jsonify<Json>>().toExtend<Json>();
    expectTypeOf<Cached<Json>>().toExtend<string | number | boolean | null | object>();
  });

  test('each member of a union by itself', () => {
    expectTypeOf<Cached<Shape>>().toEqualTypeOf<
      { readonly kind: 'circle'; readonly radius: number } | { readonly kind: 'dated'; readonly at: string }
    >();
    expectTypeOf<Cached<Date | null>>().toEqualTypeOf<string | null>();
  });

  test('tuples as tuples, and lists as lists', () => {
    expectTypeOf<Jsonify<[string, Date, number?]>>().toEqualTypeOf<[string, string, number?]>();
    expectTypeOf<Cached<[string, Date, number?]>>().toEqualTypeOf<readonly [string, string, number?]>();
    expectTypeOf<Jsonify<[number, ...Date[]]>>().toEqualTypeOf<[number, ...string[]]>();
    expectTypeOf<Jsonify<readonly Date[]>>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Cached<Date[][]>>().toEqualTypeOf<readonly (readonly string[])[]>();
    expectTypeOf<Cached<Record<string, Date>>>().toEqualTypeOf<{ readonly [name: string]: string }>();
  });

  test('optional members as optional, and those that may be undefined, too', () => {
    expectTypeOf<Cached<{ a?: Date; b: number | undefined; c: string | null }>>().toEqualTypeOf<{
      readonly a?: string;
      readonly b?: number;
      readonly c: string | null;
    }>();
  });

  test('branded texts, literals and enums as they are', () => {
    expectTypeOf<Cached<{ id: OrderId; status: Status; size: 's' | 'm' }>>().toEqualTypeOf<{
      readonly id: OrderId;
      readonly status: Status;
      readonly size: 's' | 'm';
    }>();
    expectTypeOf<Cached<boolean>>().toEqualTypeOf<boolean>();
  });

  test('unknown and any as they are, alone and as members', () => {
    expectTypeOf<Cached<unknown>>().toBeUnknown();
    expectTypeOf<Cached<ReturnType<typeof JSON.parse>>>().toBeAny();
    expectTypeOf<Cached<{ what: unknown }>>().toEqualTypeOf<{ readonly what: unknown }>();
    expectTypeOf<Cached<{ what: ReturnType<typeof JSON.parse> }>['what']>().toBeAny();
  });

  test('of a class what its toJSON returns, or else its members', () => {
    expectTypeOf<Cached<Money>>().toEqualTypeOf<{ readonly cents: string }>();
    expectTypeOf<Cached<Itself>>().toEqualTypeOf<{ readonly amount: number }>();
    expectTypeOf<Cached<Point>>().toEqualTypeOf<{ readonly x: number; readonly y: number }>();
  });

  test('never of what cannot be stored', () => {
    expectTypeOf<Cached<Buffer>>().toBeNever();
    expectTypeOf<Cached<Uint8Array>>().toBeNever();
    expectTypeOf<Cached<Map<string, number>>>().toBeNever();
    expectTypeOf<Cached<bigint>>().toBeNever();
    expectTypeOf<Cached<{ bytes: Buffer }>['bytes']>().toBeNever();
  });
});

declare const loadArticle: () => Promise<Article>;

const calls = {
  getOrSet: () => cache.getOrSet('k', loadArticle, { tags: ({ publishedAt }) => [publishedAt.toISOString()] }),
  lookup: () => cache.lookup('k', loadArticle),
  get: () => cache.get<Article>('k'),
  peek: () => cache.peek<Article>('k'),
  getMany: () => cache.getMany<Article>(['k']),
  getOrSetMany: () => cache.getOrSetMany(['k'], () => new Map<string, Article>()),
  inNamespace: () => plain.namespace('n').getOrSet('k', loadArticle),
  plain: () => plain.getOrSet('k', loadArticle),
  decoded: () => decoded.getOrSet('k', loadArticle),
};

describe('a cache', () => {
  test('says of each call what comes back', () => {
    expectTypeOf(calls.getOrSet).returns.resolves.toEqualTypeOf<Cached<Article>>();
    expectTypeOf(calls.lookup).returns.resolves.toEqualTypeOf<Lookup<Cached<Article>>>();
    expectTypeOf(calls.get).returns.resolves.toEqualTypeOf<Cached<Article> | undefined>();
    expectTypeOf(calls.peek).returns.toEqualTypeOf<Cached<Article> | undefined>();
    expectTypeOf(calls.getMany).returns.resolves.toEqualTypeOf<(Cached<Article> | undefined)[]>();
    expectTypeOf(calls.getOrSetMany).returns.resolves.toEqualTypeOf<(Cached<Article> | null)[]>();
    expectTypeOf(calls.plain).returns.resolves.toEqualTypeOf<Jsonify<Article>>();
    expectTypeOf(calls.inNamespace).returns.resolves.toEqualTypeOf<Jsonify<Article>>();
    expectTypeOf(calls.decoded).returns.resolves.toEqualTypeOf<Article>();
  });

  test('knows from its options how values come out', () => {
    const made = {
      default: () => make({ l1 }),
      frozen: () => make({ l1, freeze: true }),
      plain: () => make({ l1, freeze: false }),
      either: () => make({ l1, freeze }),
      decoded: () => make({ l1, codec }),
      shared: () => make({ l1, codec, freeze: false }),
      perhaps: () => make({ l1, codec: perhaps }),
      inline: () => make({ l1, codec: { encode: String, decode: (json) => json } }),
      options: (options: CacheOptions) => make(options),
    };
    expectTypeOf(made.default).returns.toEqualTypeOf<TieredCache>();
    expectTypeOf(made.frozen).returns.toEqualTypeOf<TieredCache>();
    expectTypeOf(made.plain).returns.toEqualTypeOf<TieredCache<'plain'>>();
    expectTypeOf(made.either).returns.toEqualTypeOf<TieredCache>();
    expectTypeOf(made.decoded).returns.toEqualTypeOf<TieredCache<'decoded'>>();
    expectTypeOf(made.shared).returns.toEqualTypeOf<TieredCache<'decoded'>>();
    expectTypeOf(made.perhaps).returns.toEqualTypeOf<TieredCache>();
    expectTypeOf(made.inline).returns.toEqualTypeOf<TieredCache<'decoded'>>();
    expectTypeOf(made.options).returns.toEqualTypeOf<TieredCache>();
    expectTypeOf<TieredCache<'plain'>>().toExtend<CacheView<'plain'>>();
  });
});

/** Functions of users that know the type as little as the cache does: no cast in any of them. */
const wrappers = {
  plainly<V>(key: string, load: () => Promise<V>): Promise<Cached<V>> {
    return cache.getOrSet(key, load);
  },
  withOptions<V>(key: string, load: Loader<V>, options?: ReadOptions<V>): Promise<Cached<V>> {
    return cache.getOrSet(key, load, { ttl: '1m', ...options });
  },
  async lookingUp<V extends object>(key: string, load: (signal: AbortSignal) => Promise<V | null>) {
    const { value } = await cache.lookup(key, ({ signal }) => load(signal));
    return value;
  },
  async many<V>(keys: string[], load: (keys: readonly string[]) => Promise<Map<string, V>>) {
    return cache.getOrSetMany(keys, ({ keys: missing }) => load(missing));
  },
  put: <V>(key: string, value: V) => cache.set(key, value),
};

test('a generic function around a cache compiles, and tells what comes back', () => {
  const use = {
    plainly: () => wrappers.plainly('k', loadArticle),
    withOptions: () => wrappers.withOptions('k', loadArticle),
    lookingUp: () => wrappers.lookingUp('k', loadArticle),
    many: () => wrappers.many(['k'], async () => new Map<string, Date>()),
    put: () => wrappers.put('k', 1),
  };
  expectTypeOf(use.plainly).returns.resolves.toEqualTypeOf<Cached<Article>>();
  expectTypeOf(use.withOptions).returns.resolves.toEqualTypeOf<Cached<Article>>();
  expectTypeOf(use.lookingUp).returns.resolves.toEqualTypeOf<Cached<Article> | null>();
  expectTypeOf(use.many).returns.resolves.toEqualTypeOf<(string | null)[]>();
  expectTypeOf(use.put).returns.resolves.toEqualTypeOf<boolean>();
});

test('a loader that may answer undefined does not compile', () => {
  const articles = new Map<string, Article>();
  const refused = {
    // @ts-expect-error: a Map has none for what is not in it
    found: () => cache.getOrSet('k', () => articles.get('k')),
    // @ts-expect-error: the same behind a promise
    later: () => cache.getOrSet('k', async () => articles.get('k')),
    // @ts-expect-error: nothing is returned
    nothing: () => cache.getOrSet('k', async () => {}),
    // @ts-expect-error: named as such
    named: () => cache.lookup<Article | undefined>('k', () => undefined),
    // @ts-expect-error: among many
    many: () => cache.getOrSetMany(['k'], () => [['k', articles.get('k')]]),
    // @ts-expect-error: handed in
    set: () => cache.set('k', articles.get('k')),
  };
  const taken = {
    orNull: () => cache.getOrSet('k', () => articles.get('k') ?? null),
    never: () => cache.getOrSet('k', () => Promise.reject(new Error('always'))),
    unknown: () => cache.getOrSet('k', async (): Promise<unknown> => 1),
    any: () => cache.getOrSet('k', async () => JSON.parse('1')),
  };
  expectTypeOf(refused).toBeObject();
  expectTypeOf(taken.orNull).returns.resolves.toEqualTypeOf<Cached<Article> | null>();
  expectTypeOf(taken.unknown).returns.resolves.toBeUnknown();
  expectTypeOf(taken.any).returns.resolves.toBeAny();
});

test('what is not stored may be read all the same: no member of it', () => {
  // @ts-expect-error: a date comes back as its text
  const year = async () => (await cache.getOrSet('k', loadArticle)).publishedAt.getFullYear();
  // @ts-expect-error: values are shared and frozen
  const change = async () => (await cache.getOrSet('k', loadArticle)).authors.push();
  // @ts-expect-error: methods do not come back
  const call = async () => (await cache.getOrSet('k', loadArticle)).words();
  expectTypeOf([year, change, call]).toBeArray();
});
