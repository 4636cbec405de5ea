import { describe, expect, test } from 'bun:test';
import { LoadCycleError, type Loader, type ManyLoader } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

const ENDLESS = { hardTimeout: Infinity } as const;

for (const tiers of ['l1', 'l1+l2+bus'] as const) {
  describe(`loaders that ask the cache, ${tiers}`, () => {
    test('a loader that asks for its own key is refused at once', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const load: Loader<number> = () => cache.getOrSet('k', load, ENDLESS);
      const began = fleet.time.now;
      const error = fleet.failure(cache.getOrSet('k', load, ENDLESS));
      expect(error).toBeInstanceOf(LoadCycleError);
      expect(error).toMatchObject({
        code: 'LOAD_CYCLE',
        key: 'k',
        ring: ['k'],
        message: 'Key "k" was not loaded: its loader waits for itself ("k" → "k")',
      });
      expect(fleet.time.now - began).toBeLessThan(10);
      expect(cache.health().flights).toBe(0);
    });

    test('a ring of three keys is refused by the call that would close it, which names them', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const asking =
        (next: string): Loader<number> =>
        () =>
          cache.getOrSet(next, loaders[next] ?? asking('a'), ENDLESS);
      const loaders: Record<string, Loader<number>> = { a: asking('b'), b: asking('c'), c: asking('a') };
      const error = fleet.failure(cache.getOrSet('a', asking('b'), ENDLESS));
      expect(error).toMatchObject({ code: 'LOAD_CYCLE', key: 'a', ring: ['a', 'b', 'c'] });
    });

    test('two callers whose loaders ask for each other’s key do not wait for ever', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const turn = Promise.withResolvers<void>();
      const asking =
        (next: string): Loader<string> =>
        async () => {
          await turn.promise;
          return cache.getOrSet(next, () => 'never', ENDLESS);
        };
      const callers = [
        watch(cache.getOrSet('a', asking('b'), ENDLESS)),
        watch(cache.getOrSet('b', asking('a'), ENDLESS)),
      ];
      fleet.run(10);
      turn.resolve();
      fleet.run(10);
      for (const caller of callers) expect(() => caller.value()).toThrow(LoadCycleError);
    });

    test('a ring through a call for many keys is refused', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const many: ManyLoader<string> = async ({ keys }) => {
        const own = await cache.getOrSet('outer', () => 'never', ENDLESS);
        return keys.map((key) => [key, own] as const);
      };
      const outer: Loader<string> = async () => (await cache.getOrSetMany(['x', 'y'], many, ENDLESS)).join();
      expect(fleet.failure(cache.getOrSet('outer', outer, ENDLESS))).toMatchObject({ ring: ['outer', 'x'] });
      const own: ManyLoader<string> = async ({ keys }) => {
        await cache.getOrSetMany(['q', 'p'], own, ENDLESS);
        return keys.map((key) => [key, key] as const);
      };
      expect(fleet.failure(cache.getOrSetMany(['p', 'q'], own, ENDLESS))).toMatchObject({ ring: ['q'] });
    });

    test('a loader that asks for its own key anew is refused when no room is left for its loads', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      let count = 0;
      const load: Loader<number> = () => {
        count += 1;
        return cache.getOrSet('k', load, { ...ENDLESS, forceFresh: true });
      };
      expect(fleet.failure(cache.getOrSet('k', load, ENDLESS))).toBeInstanceOf(LoadCycleError);
      expect(count).toBe(2);
    });

    test('a loader that asks for what a tier holds is no ring, though that is being loaded anew', () => {
      const fleet = new Fleet({ tiers, defaults: { ttl: '1s', staleWhileRevalidate: '1h' } });
      const { cache } = fleet.member();
      fleet.settle(cache.getOrSet('k', () => 'old'));
      fleet.run(1_000);
      const load: Loader<string> = async () => `${await cache.getOrSet('k', () => 'never')}, renewed`;
      expect(fleet.settle(cache.getOrSet('k', load))).toBe('old');
      fleet.run(10);
      expect(fleet.settle(cache.getOrSet('k', () => 'never'))).toBe('old, renewed');
    });

    test('work that outlives its loader may ask for the loader’s key', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const later = Promise.withResolvers<void>();
      let afterwards: Promise<string> | undefined;
      const load: Loader<string> = () => {
        afterwards = later.promise.then(() => cache.getOrSet('k', () => 'second'));
        return 'first';
      };
      expect(fleet.settle(cache.getOrSet('k', load))).toBe('first');
      fleet.settle(cache.delete('k'));
      later.resolve();
      expect(fleet.settle(afterwards ?? Promise.resolve('none'))).toBe('second');
    });

    test('a nested call that ended, or was given up, is no edge any more', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const turn = Promise.withResolvers<void>();
      const inner: Loader<string> = async () => {
        await turn.promise;
        return cache.getOrSet('outer', () => 'never', ENDLESS);
      };
      const outer: Loader<string> = async () => {
        await cache.getOrSet('inner', inner, { hardTimeout: 100 }).catch(() => {});
        return held.loader({ signal: new AbortController().signal });
      };
      const held = new HeldLoads<string>();
      const other = watch(cache.getOrSet('inner', inner, ENDLESS));
      const caller = watch(cache.getOrSet('outer', outer, ENDLESS));
      fleet.run(200);
      turn.resolve();
      fleet.run(10);
      expect([held.count, other.state]).toEqual([1, 'pending']);
      held.answer('value');
      fleet.run(60);
      expect([caller.value(), other.value()]).toEqual(['value', 'value']);
    });
  });
}

describe('a ring', () => {
  test('through two caches is refused', () => {
    const fleet = new Fleet({ tiers: 'l1', instances: 2 });
    const [one, two] = [fleet.cache(0), fleet.cache(1)];
    const first: Loader<string> = () => two.getOrSet('b', second, ENDLESS);
    const second: Loader<string> = () => one.getOrSet('a', first, ENDLESS);
    expect(fleet.failure(one.getOrSet('a', first, ENDLESS))).toMatchObject({ key: 'a', ring: ['a', 'b'] });
  });

  test('through a warm-up is refused', () => {
    const fleet = new Fleet();
    const { cache } = fleet.member();
    const load: Loader<string> = async () => {
      const { error } = await cache.warm([{ key: 'k', loader: load, options: ENDLESS }]);
      throw error;
    };
    expect(fleet.failure(cache.getOrSet('k', load, ENDLESS))).toMatchObject({ ring: ['k'] });
  });

  test('in a namespace names the keys as their callers do', () => {
    const fleet = new Fleet();
    const view = fleet.cache().namespace('tenant');
    const load: Loader<number> = () => view.getOrSet('k', load, ENDLESS);
    expect(fleet.failure(view.getOrSet('k', load, ENDLESS))).toMatchObject({ key: 'k', ring: ['k'] });
  });

  test('over two processes ends by hardTimeout', () => {
    const fleet = new Fleet({ instances: 2 });
    const [one, two] = [fleet.cache(0), fleet.cache(1)];
    const load: Loader<string> = () => two.getOrSet('k', () => 'never', { hardTimeout: 200 });
    const began = fleet.time.now;
    expect(fleet.failure(one.getOrSet('k', load, ENDLESS))).toMatchObject({ code: 'LOAD_TIMEOUT' });
    expect(fleet.time.now - began).toBeWithin(200, 210);
  });
});
