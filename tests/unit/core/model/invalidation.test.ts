import { describe, expect, test } from 'bun:test';
import { type CacheView, InvalidOptionError } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

/** Stores the keys and answers which of them the cache still has. */
function stored(fleet: Fleet, cache: CacheView, keys: readonly string[]): () => string[] {
  for (const key of keys) fleet.settle(cache.getOrSet(key, () => key));
  return () => {
    fleet.run(5);
    return keys.filter((key) => fleet.settle(cache.has(key)));
  };
}

describe('delete', () => {
  test('is done, here and in L2, when it resolves, and elsewhere a moment later', () => {
    const fleet = new Fleet({ instances: 3 });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old'));
    fleet.settle(fleet.cache(0).delete('k'));
    expect(fleet.cache(0).peek('k')).toBeUndefined();
    expect(fleet.settle(fleet.join({}).cache.get('k'))).toBeUndefined();
    for (const { cache } of fleet.members) expect(cache.peek('k')).toBeUndefined();
  });

  test('cleans this process before anything is sent', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    const deleting = watch(fleet.cache().delete('k'));
    expect(fleet.cache().peek('k')).toBeUndefined();
    expect(deleting.state).toBe('pending');
  });

  test('of a key that is not there is no error', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().delete('none'));
    expect(fleet.settle(fleet.cache().invalidate({ keys: ['none'] }))).toEqual({ keys: 1, tags: 0 });
  });
});

describe('expire', () => {
  const defaults = { staleIfError: '10s' } as const;
  const failing = (): Promise<string> => Promise.reject(new Error('down'));

  for (const how of ['key', 'tag', 'pattern'] as const) {
    test(`by ${how} makes the value stale everywhere: loaded anew, and good for a source that fails`, () => {
      const fleet = new Fleet({ instances: 2, defaults });
      const options = { tags: ['t'] };
      for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old', options));
      const targets = { key: { keys: ['k'] }, tag: { tags: ['t'] }, pattern: { pattern: 'k*' } }[how];
      fleet.settle(fleet.cache(0).invalidate({ ...targets, mode: 'expire' }));
      fleet.run(5);
      for (const { cache } of fleet.members) {
        expect(fleet.settle(cache.get('k'))).toBeUndefined();
        expect(fleet.settle(cache.lookup('k', failing, options))).toMatchObject({ value: 'old', state: 'stale' });
      }
      fleet.run(1_500);
      expect(fleet.settle(fleet.cache(1).lookup('k', () => 'new', options))).toMatchObject({
        value: 'new',
        tier: 'source',
      });
      fleet.run(1_500);
      expect(fleet.settle(fleet.cache(0).getOrSet('k', () => 'unwanted', options))).toBe('new');
    });

    test(`by ${how} starts the window of staleIfError: it does not wait for the end of the TTL`, () => {
      const fleet = new Fleet({ defaults: { ...defaults, ttl: '1h', l1Ttl: '1h' } });
      fleet.settle(fleet.cache().getOrSet('k', () => 'old', { tags: ['t'] }));
      const targets = { key: { keys: ['k'] }, tag: { tags: ['t'] }, pattern: { pattern: 'k*' } }[how];
      fleet.run(1_000);
      fleet.settle(fleet.cache().invalidate({ ...targets, mode: 'expire' }));
      fleet.run(8_000);
      expect(fleet.settle(fleet.cache().getOrSet('k', failing, { tags: ['t'] }))).toBe('old');
      fleet.run(2_100);
      expect(fleet.failure(fleet.cache().getOrSet('k', failing, { tags: ['t'] }))).toBeInstanceOf(Error);
    });
  }

  test('of a value without end keeps it for staleIfError, in L1 alone too', () => {
    const fleet = new Fleet({ tiers: 'l1', defaults: { ...defaults, ttl: Infinity } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.settle(fleet.cache().expire('k'));
    expect(fleet.settle(fleet.cache().lookup('k', failing))).toMatchObject({ value: 'old', state: 'stale' });
    fleet.run(10_100);
    expect(fleet.failure(fleet.cache().getOrSet('k', failing))).toBeInstanceOf(Error);
  });

  test('twice leaves the old value where the first one left it', () => {
    for (const targets of [{ keys: ['k'] }, { tags: ['t'] }]) {
      const fleet = new Fleet({ tiers: 'l1', defaults });
      fleet.settle(fleet.cache().getOrSet('k', () => 'old', { tags: ['t'] }));
      for (let round = 0; round < 2; round += 1) {
        fleet.settle(fleet.cache().invalidate({ ...targets, mode: 'expire' }));
        fleet.run(4_000);
      }
      expect(fleet.settle(fleet.cache().lookup('k', failing, { tags: ['t'] }))).toMatchObject({
        value: 'old',
        state: 'stale',
      });
      fleet.run(2_100);
      expect(fleet.failure(fleet.cache().getOrSet('k', failing, { tags: ['t'] }))).toBeInstanceOf(Error);
    }
  });

  test('and then delete: gone, by key and by tag', () => {
    for (const targets of [{ keys: ['k'] }, { tags: ['t'] }]) {
      const fleet = new Fleet({ instances: 2, defaults });
      for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old', { tags: ['t'] }));
      fleet.settle(fleet.cache(0).invalidate({ ...targets, mode: 'expire' }));
      fleet.settle(fleet.cache(0).invalidate(targets));
      fleet.run(5);
      for (const { cache } of fleet.members)
        expect(fleet.failure(cache.getOrSet('k', failing, { tags: ['t'] }))).toBeInstanceOf(Error);
    }
  });
});

describe('a pattern', () => {
  const keys = ['a:1', 'a:2', 'b:1', 'a*', 'a?', '[^x]', '{a}', 'x', 'a\\b', '🐎:1'];

  const cases: readonly (readonly [pattern: string, left: readonly string[]])[] = [
    ['a:*', ['b:1', 'a*', 'a?', '[^x]', '{a}', 'x', 'a\\b', '🐎:1']],
    ['*', []],
    ['?', keys.filter((key) => key !== 'x')],
    ['a\\*', keys.filter((key) => key !== 'a*')],
    ['a\\?', keys.filter((key) => key !== 'a?')],
    ['a\\\\b', keys.filter((key) => key !== 'a\\b')],
    // There are no classes and no alternatives: these are the characters that they are.
    ['[^x]', keys.filter((key) => key !== '[^x]')],
    ['{a}', keys.filter((key) => key !== '{a}')],
    ['?:1', keys.filter((key) => !['a:1', 'b:1', '🐎:1'].includes(key))],
    ['A:*', keys],
  ];
  for (const [pattern, left] of cases) {
    test(`${pattern} leaves ${left.length} of ${keys.length}, in both tiers of every instance`, () => {
      const fleet = new Fleet({ instances: 2 });
      const here = stored(fleet, fleet.cache(0), keys);
      const there = stored(fleet, fleet.cache(1), keys);
      const { keys: touched } = fleet.settle(fleet.cache(0).invalidate({ pattern }));
      expect(touched).toBe(keys.length - left.length);
      expect(here()).toEqual([...left]);
      expect(there()).toEqual([...left]);
    });
  }

  test('reaches no other namespace, whatever its keys look like', () => {
    const fleet = new Fleet();
    const root = fleet.cache();
    const all = [
      root,
      root.namespace('t'),
      root.namespace('t').namespace('u'),
      root.namespace('t*'),
      root.namespace('*'),
    ];
    const left = all.map((cache) => stored(fleet, cache, ['k', 't:k', '*']));
    fleet.settle(root.namespace('t').invalidate({ pattern: '*' }));
    expect(left.map((has) => has().length)).toEqual([3, 0, 3, 3, 3]);
    fleet.settle(root.namespace('*').invalidate({ pattern: '*' }));
    expect(left.map((has) => has().length)).toEqual([3, 0, 3, 3, 0]);
  });
});

describe('namespaces', () => {
  const names = ['a', 'b', 'a:b', '*', '{}', '[^x]', 'a b', '__proto__', 'a'.repeat(200), '🐎'];

  test('of hostile names keep keys apart', () => {
    const fleet = new Fleet({ instances: 2 });
    const key = 'b:k';
    for (const name of names) fleet.settle(fleet.cache(0).namespace(name).set(key, name));
    for (const name of names) {
      expect(fleet.settle(fleet.cache(0).namespace(name).get(key))).toBe(name);
      expect(fleet.settle(fleet.cache(1).namespace(name).get(key))).toBe(name);
    }
    expect(fleet.settle(fleet.cache(1).get(key))).toBeUndefined();
    expect(fleet.settle(fleet.cache(1).namespace('a:b').get('k'))).toBeUndefined();
  });

  test('keep tags apart', () => {
    const fleet = new Fleet();
    const views = names.map((name) => fleet.cache().namespace(name));
    const left = views.map((view) => stored(fleet, view, ['k']));
    for (const view of views) fleet.settle(view.getOrSet('tagged', () => 1, { tags: ['t'] }));
    fleet.settle(
      fleet
        .cache()
        .namespace('a')
        .invalidate({ tags: ['t'] }),
    );
    fleet.settle(fleet.cache().invalidate({ tags: ['t'] }));
    fleet.run(5);
    expect(views.filter((view) => !fleet.settle(view.has('tagged')))).toEqual([expect.anything()]);
    expect(left.flatMap((has) => has())).toHaveLength(names.length);
  });

  test('are cleared with what is inside of them, and nothing else', () => {
    const fleet = new Fleet({ instances: 2 });
    const views = (index: number) => {
      const root = fleet.cache(index);
      return [
        root,
        root.namespace('a'),
        root.namespace('a').namespace('b'),
        root.namespace('b'),
        root.namespace('a:b'),
      ];
    };
    const left = [0, 1].flatMap((index) => views(index).map((view) => stored(fleet, view, ['k'])));
    const counts = () => left.map((has) => has().length);
    fleet.settle(fleet.cache(0).namespace('a').clear());
    expect(counts()).toEqual([1, 0, 0, 1, 1, 1, 0, 0, 1, 1]);
    fleet.settle(fleet.cache(1).clear());
    expect(counts()).toEqual(Array(10).fill(0));
  });
});

describe('an invalidation', () => {
  test('of keys, tags and a pattern together is one order', () => {
    const fleet = new Fleet({ instances: 2 });
    const has = stored(fleet, fleet.cache(1), ['one', 'two', 'p:1', 'p:2', 'other']);
    fleet.settle(fleet.cache(1).getOrSet('tagged', () => 1, { tags: ['t'] }));
    const result = fleet.settle(
      fleet.cache(0).invalidate({ keys: ['one', 'two', 'one'], tags: ['t', 't'], pattern: 'p:*' }),
    );
    expect(result).toEqual({ keys: 4, tags: 1 });
    expect(has()).toEqual(['other']);
    expect(fleet.settle(fleet.cache(1).has('tagged'))).toBe(false);
  });

  test('of thousands of keys goes out in pieces, and reaches them all', () => {
    const fleet = new Fleet({ instances: 2 });
    const keys = Array.from({ length: 2_500 }, (_, index) => `k${index}`);
    for (const key of keys) fleet.cache(1).getOrSet(key, () => 1);
    fleet.run(100);
    fleet.member(0).calls.length = 0;
    fleet.settle(fleet.cache(0).invalidate({ keys }));
    fleet.run(5);
    expect(fleet.member(0).calls).toHaveLength(3);
    expect(keys.filter((key) => fleet.cache(1).peek(key) !== undefined)).toEqual([]);
    expect(fleet.settle(fleet.cache(1).has('k2499'))).toBe(false);
  });

  test('of more keys than may be pending leaves everything else alone, as long as L2 hears of it', () => {
    const fleet = new Fleet({ instances: 2 });
    const has = stored(fleet, fleet.cache(1), ['other']);
    const keys = Array.from({ length: 12_000 }, (_, index) => `k${index}`);
    expect(fleet.settle(fleet.cache(0).invalidate({ keys }))).toEqual({ keys: 12_000, tags: 0 });
    expect(has()).toEqual(['other']);
  });

  test('of nothing sends nothing; one that says nothing is refused', () => {
    const fleet = new Fleet();
    expect(fleet.settle(fleet.cache().invalidate({ keys: [], tags: [] }))).toEqual({ keys: 0, tags: 0 });
    expect(fleet.member().calls).toEqual([]);
    expect(fleet.failure(fleet.cache().invalidate({}))).toBeInstanceOf(InvalidOptionError);
    expect(fleet.failure(fleet.cache().invalidate({ mode: 'expire' }))).toBeInstanceOf(InvalidOptionError);
    const mode = 'remove' as 'delete';
    expect(fleet.failure(fleet.cache().invalidate({ keys: ['k'], mode }))).toMatchObject({ option: 'mode' });
  });
});
