import { describe, expect, test } from 'bun:test';
import { isCacheError, type WarmItem, type WarmProgress } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);

/** Items whose loads take so long in virtual time, and what was loaded by whom. */
function items(fleet: Fleet, names: readonly string[], loaded: string[] = [], ms = 5): WarmItem<string>[] {
  return names.map((key) => ({
    key,
    loader: () => {
      loaded.push(key);
      const { promise, resolve } = Promise.withResolvers<string>();
      fleet.time.at(fleet.time.now + ms, () => resolve(`value of ${key}`));
      return promise;
    },
  }));
}

describe('a warm-up', () => {
  test('brings every key into both tiers, and counts loads but neither hits nor misses', () => {
    const fleet = new Fleet({ instances: 2 });
    const result = fleet.settle(fleet.cache().warm(items(fleet, keys(10))));
    expect(result).toEqual({ done: 10, fresh: 0, loaded: 10, failed: 0, aborted: false });
    for (const key of keys(10)) {
      expect(fleet.cache(0).peek<string>(key)).toBe(`value of ${key}`);
      expect(fleet.settle(fleet.cache(1).get<string>(key))).toBe(`value of ${key}`);
    }
    const { hits, misses, loads } = fleet.cache(1).stats();
    expect([hits, misses, loads]).toEqual([10, 0, 0]);
    expect(fleet.cache(0).stats()).toMatchObject({ misses: 0, loads: 10, hits: 10 });
  });

  test('loads nothing that a tier holds fresh, and takes over into L1 what L2 holds', () => {
    const fleet = new Fleet({ instances: 2 });
    const loaded: string[] = [];
    fleet.settle(fleet.cache(0).warm(items(fleet, keys(6))));
    fleet.settle(fleet.cache(1).warm(items(fleet, keys(3), loaded)));
    const result = fleet.settle(fleet.cache(1).warm(items(fleet, keys(7), loaded)));
    expect(result).toMatchObject({ done: 7, fresh: 6, loaded: 1 });
    expect(loaded).toEqual(['k6']);
    for (const key of keys(7)) expect(fleet.cache(1).peek<string>(key)).toBe(`value of ${key}`);
  });

  test('of several instances at once makes one load a key', () => {
    const fleet = new Fleet({ instances: 4 });
    const loaded: string[] = [];
    const results = fleet.settle(
      Promise.all([0, 1, 2, 3].map((index) => fleet.cache(index).warm(items(fleet, keys(40), loaded)))),
    );
    expect(loaded.toSorted()).toEqual(keys(40).toSorted());
    expect(results.reduce((sum, { loaded: own }) => sum + own, 0)).toBe(40);
    for (const result of results) expect(result).toMatchObject({ done: 40, failed: 0, aborted: false });
    for (const { cache } of fleet.members) for (const key of keys(40)) expect(cache.peek(key)).toBeDefined();
  });

  test('replaces what is stale in L1 or L2, and waits for it', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '1m', staleWhileRevalidate: '1h', l1Ttl: '1h' } });
    fleet.settle(fleet.cache().warm(items(fleet, ['k'])));
    fleet.run(70_000);
    const fresh: WarmItem<string>[] = [{ key: 'k', loader: () => 'new' }];
    expect(fleet.settle(fleet.cache(1).warm(fresh))).toMatchObject({ loaded: 1 });
    expect(fleet.cache(1).peek<string>('k')).toBe('new');
    expect(fleet.settle(fleet.cache(0).warm(fresh))).toMatchObject({ fresh: 1, loaded: 0 });
    expect(fleet.cache(0).peek<string>('k')).toBe('new');
  });

  test('joins the load of a reader, and is joined by readers', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    const reader = watch(fleet.cache().lookup('a', loads.loader));
    fleet.run(5);
    const warming = watch(fleet.cache().warm(['a', 'b'].map((key) => ({ key, loader: loads.loader }))));
    fleet.run(5);
    const joining = watch(fleet.cache().lookup('b', loads.loader));
    fleet.run(5);
    expect(loads.count).toBe(2);
    loads.answer('A', 0);
    loads.answer('B', 1);
    fleet.run(5);
    expect(reader.value().value).toBe('A');
    expect(joining.value()).toMatchObject({ value: 'B', collapsed: true });
    expect(warming.value()).toMatchObject({ done: 2, fresh: 1, loaded: 1 });
  });

  test('is not content with the stale value that a reader gets', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '1m', staleWhileRevalidate: '1h' } });
    fleet.settle(fleet.cache(0).warm(items(fleet, ['k'])));
    fleet.run(70_000);
    const loads = new HeldLoads<string>();
    const reader = watch(fleet.cache(1).lookup('k', loads.loader));
    const warming = watch(fleet.cache(1).warm([{ key: 'k', loader: loads.loader }]));
    fleet.run(20);
    expect(reader.value()).toMatchObject({ state: 'stale' });
    expect([warming.state, loads.count]).toEqual(['pending', 1]);
    loads.answer('new');
    fleet.run(5);
    expect(warming.value()).toMatchObject({ done: 1, failed: 0 });
    expect(fleet.cache(1).peek<string>('k')).toBe('new');
  });

  test('stores nothing that an invalidation has overtaken', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    const warming = watch(fleet.cache(0).warm([{ key: 'k', loader: loads.loader, options: { tags: ['t'] } }]));
    fleet.run(5);
    fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
    loads.answer('old');
    fleet.run(10);
    expect(warming.state).toBe('fulfilled');
    for (const { cache } of fleet.members) expect(fleet.settle(cache.get('k'))).toBeUndefined();
  });

  test('fills with the options of its items, in its own namespace', () => {
    const fleet = new Fleet();
    const view = fleet.cache().namespace('tenant');
    fleet.settle(view.warm([{ key: 'k', loader: () => 1, options: { ttl: '2m', tags: ['t'] } }]));
    expect(view.peekLookup('k')).toMatchObject({ value: 1, tags: ['t'] });
    expect(view.peekLookup('k')?.ttl).toBeLessThanOrEqual(120_000);
    expect(fleet.cache().peek('k')).toBeUndefined();
  });
});

describe('what fails', () => {
  test('is counted, the last error kept, and stops nothing', () => {
    const fleet = new Fleet();
    const failing: WarmItem<string> = { key: 'bad', loader: () => Promise.reject(new Error('no row')) };
    const list = [failing, ...items(fleet, ['a']), { key: '', loader: () => 'x' }, ...items(fleet, ['b'])];
    const result = fleet.settle(fleet.cache().warm(list, { concurrency: 1 }));
    expect(result).toMatchObject({ done: 4, loaded: 2, failed: 2, aborted: false, error: { code: 'INVALID_KEY' } });
  });

  test('leaves the old value where it may serve on, and is counted all the same', () => {
    const fleet = new Fleet({ defaults: { ttl: '1m', staleIfError: '1h' } });
    fleet.settle(fleet.cache().warm(items(fleet, ['k'])));
    fleet.run(70_000);
    const result = fleet.settle(fleet.cache().warm([{ key: 'k', loader: () => Promise.reject(new Error('away')) }]));
    expect(result).toMatchObject({ failed: 1, loaded: 0 });
    expect(fleet.settle(fleet.cache().lookup('k', () => 'never'))).toMatchObject({ state: 'stale' });
  });

  test('is thrown when it is the list itself, once what is under way has ended', () => {
    const fleet = new Fleet();
    const loaded: string[] = [];
    const [first] = items(fleet, ['a'], loaded);
    async function* broken() {
      if (first !== undefined) yield first;
      throw new Error('no list');
    }
    expect(fleet.failure(fleet.cache().warm(broken()))).toMatchObject({ message: 'no list' });
    expect(fleet.cache().peek<string>('a')).toBe('value of a');
  });

  test('may be the listener: that is its own affair', () => {
    const fleet = new Fleet();
    const onProgress = () => {
      throw new Error('listener');
    };
    expect(fleet.settle(fleet.cache().warm(items(fleet, keys(3)), { onProgress }))).toMatchObject({ loaded: 3 });
  });
});

describe('the pace', () => {
  test('is so many keys at once and no more, and no more is drawn from the list', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<number>();
    let drawn = 0;
    function* list() {
      for (const key of keys(20)) {
        drawn += 1;
        yield { key, loader: loads.loader };
      }
    }
    const progress: WarmProgress[] = [];
    const warming = watch(fleet.cache().warm(list(), { concurrency: 3, onProgress: (now) => void progress.push(now) }));
    fleet.run(100);
    expect([loads.count, drawn]).toEqual([3, 3]);
    loads.answer(1, 1);
    fleet.run(100);
    expect([loads.count, drawn]).toEqual([4, 4]);
    expect(progress).toEqual([{ done: 1, fresh: 0, loaded: 1, failed: 0 }]);
    for (let index = 0; index < 20; index += 1) {
      if (index < loads.count) loads.answer(1, index);
      fleet.run(5);
    }
    expect(warming.value()).toMatchObject({ done: 20, loaded: 20 });
    expect(progress.map(({ done }) => done)).toEqual(keys(20).map((_, index) => index + 1));
  });

  test('leaves others their turn when there is nothing to load', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    fleet.settle(fleet.cache().warm(items(fleet, keys(1_000))));
    const again = watch(fleet.cache().warm(items(fleet, keys(1_000))));
    expect(again.state).toBe('pending');
    fleet.run(1);
    expect(again.value()).toMatchObject({ fresh: 1_000 });
  });

  test('keeps to the limit on loads of the whole cache', () => {
    const fleet = new Fleet({ instances: 0 });
    const { cache } = fleet.join({ maxLoads: 2 });
    const loads = new HeldLoads<number>();
    const warming = watch(
      cache.warm(
        keys(6).map((key) => ({ key, loader: loads.loader })),
        { concurrency: 6 },
      ),
    );
    fleet.run(5);
    expect(loads.count).toBe(2);
    for (let index = 0; index < 6; index += 1) {
      loads.answer(1, index);
      fleet.run(5);
    }
    expect(warming.value()).toMatchObject({ loaded: 6 });
  });
});

describe('its end', () => {
  test('comes at once with its signal: loads without another waiting caller are aborted, others are not', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    const abort = new AbortController();
    const list = keys(9).map((key) => ({ key, loader: loads.loader }));
    const warming = watch(fleet.cache().warm(list, { concurrency: 2, signal: abort.signal }));
    fleet.run(5);
    const reader = watch(fleet.cache().getOrSet('k1', loads.loader));
    fleet.run(5);
    abort.abort(new Error('enough'));
    fleet.run(5);
    expect(warming.value()).toEqual({ done: 0, fresh: 0, loaded: 0, failed: 0, aborted: true });
    expect([loads.signal(0).aborted, loads.signal(1).aborted]).toEqual([true, false]);
    loads.answer('read', 1);
    fleet.run(5);
    expect(reader.value()).toBe('read');
    // The lease of what was cut short is free again.
    expect(fleet.settle(fleet.cache(1).lookup('k0', () => 'x'))).toMatchObject({ tier: 'source', collapsed: false });
  });

  test('comes with the cache: closing waits for no load and no list', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    let left = false;
    async function* hung(): AsyncGenerator<WarmItem<string>> {
      try {
        yield { key: 'a', loader: loads.loader };
        await new Promise(() => {});
      } finally {
        left = true;
      }
    }
    const warming = watch(fleet.cache().warm(hung()));
    const another = watch(fleet.cache().warm(keys(100).map((key) => ({ key, loader: loads.loader }))));
    fleet.run(5);
    const began = fleet.time.now;
    fleet.settle(fleet.cache().close());
    expect(fleet.time.now - began).toBeLessThan(50);
    for (const each of [warming, another]) expect(each.value()).toMatchObject({ aborted: true, done: 0 });
    // A generator that hangs cannot be told.
    expect(left).toBe(false);
    expect(fleet.failure(fleet.cache().warm([]))).toMatchObject({ code: 'CACHE_CLOSED' });
  });

  test('leaves the list in order, so that it can let go of what it holds', () => {
    const fleet = new Fleet();
    const abort = new AbortController();
    let left = false;
    function* list(): Generator<WarmItem<number>> {
      try {
        for (const key of keys(100)) yield { key, loader: () => 1 };
      } finally {
        left = true;
      }
    }
    const onProgress = ({ done }: WarmProgress) => {
      if (done === 10) abort.abort();
    };
    const result = fleet.settle(fleet.cache().warm(list(), { concurrency: 1, signal: abort.signal, onProgress }));
    expect(result).toMatchObject({ done: 10, aborted: true });
    expect(left).toBe(true);
  });

  test('with a signal that came too late is the end of the list', () => {
    const fleet = new Fleet();
    const abort = new AbortController();
    const onProgress = () => fleet.time.at(fleet.time.now, () => abort.abort());
    const result = fleet.settle(
      fleet.cache().warm([{ key: 'k', loader: () => 1 }], { signal: abort.signal, onProgress }),
    );
    expect(result).toMatchObject({ done: 1, aborted: false });
  });
});

test.each([
  ['items', 'abc', undefined],
  ['items', undefined, undefined],
  ['concurrency', [], { concurrency: 0 }],
  ['concurrency', [], { concurrency: 65 }],
  ['concurrency', [], { concurrency: 1.5 }],
  ['signal', [], { signal: {} }],
  ['onProgress', [], { onProgress: 1 }],
  ['parallel', [], { parallel: 3 }],
])('an option that cannot be used is named: %s', (name, list, options) => {
  const fleet = new Fleet();
  const error = fleet.failure(fleet.cache().warm(list as never, options as never));
  expect(isCacheError(error) && error.message).toContain(name);
  expect(error).toMatchObject({ code: 'INVALID_OPTION' });
});
