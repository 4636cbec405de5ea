import { describe, expect, test } from 'bun:test';
import type { Loader, ManyLoader, TieredCache } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { type Watched, watch } from '../../../support/watch.ts';

/** A source whose answers take a while, and how many of them it works at. */
class Rows {
  readonly #fleet: Fleet;
  running = 0;
  most = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  read<T>(value: T, ms = 10): Promise<T> {
    const { time } = this.#fleet;
    const { promise, resolve } = Promise.withResolvers<T>();
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    time.at(time.now + ms, () => {
      this.running -= 1;
      resolve(value);
    });
    return promise;
  }
}

const LIMITED = { maxLoads: 4 } as const;

function all(callers: readonly Watched<string>[]): string[] {
  return callers.map((caller) => caller.value());
}

const refusedBy = (cache: TieredCache): number => cache.stats().loadsRefused;

for (const tiers of ['l1', 'l1+l2+bus'] as const) {
  describe(`nested loads under maxLoads, ${tiers}`, () => {
    test('40 cold users whose loader asks for a country: none is shed', () => {
      const fleet = new Fleet({ tiers, ...LIMITED });
      const { cache } = fleet.member();
      const rows = new Rows(fleet);
      const user =
        (id: number): Loader<string> =>
        async () => {
          const row = await rows.read(`user ${id}`);
          const country = await cache.getOrSet(`country:${id % 10}`, () => rows.read(`country ${id % 10}`));
          return `${row} of ${country}`;
        };
      const callers = Array.from({ length: 40 }, (_, id) => watch(cache.getOrSet(`user:${id}`, user(id))));
      fleet.run(900);
      expect(all(callers)[13]).toBe('user 13 of country 3');
      expect([refusedBy(cache), rows.most]).toEqual([0, 4]);
      expect(cache.health().source).toMatchObject({ running: 0, waiting: 0 });
    });

    test('the children of one load run in its place one at a time, the others in free places', () => {
      const fleet = new Fleet({ tiers, maxLoads: 2 });
      const { cache } = fleet.member();
      const rows = new Rows(fleet);
      const children = (count: number): Promise<string[]> =>
        Promise.all(
          Array.from({ length: count }, (_, index) => cache.getOrSet(`child:${index}`, () => rows.read('c'))),
        );
      const parent = watch(cache.getOrSet('parent', async () => (await children(5)).join('')));
      fleet.run(60);
      expect([parent.value(), rows.most, refusedBy(cache)]).toEqual(['ccccc', 2, 0]);
      const alone = new Fleet({ tiers, maxLoads: 1 });
      const narrow = new Rows(alone);
      const only = alone.cache();
      const siblings = ['x', 'y', 'z'].map((key) => () => only.getOrSet(key, () => narrow.read(key)));
      const joined = watch(only.getOrSet('p', async () => (await Promise.all(siblings.map((ask) => ask()))).join('')));
      alone.run(60);
      expect([joined.value(), narrow.most, refusedBy(only)]).toEqual(['xyz', 1, 0]);
    });

    test('a queued load runs in the place of a load that comes to wait for it', () => {
      const fleet = new Fleet({ tiers, maxLoads: 1 });
      const { cache } = fleet.member();
      const rows = new Rows(fleet);
      const turn = Promise.withResolvers<void>();
      const parent = watch(
        cache.getOrSet('parent', async () => {
          await turn.promise;
          return `with ${await cache.getOrSet('shared', () => 'never')}`;
        }),
      );
      fleet.run(5);
      const shared = watch(cache.getOrSet('shared', () => rows.read('shared')));
      fleet.run(20);
      expect([shared.state, rows.running]).toEqual(['pending', 0]);
      turn.resolve();
      fleet.run(60);
      expect([parent.value(), shared.value(), refusedBy(cache)]).toEqual(['with shared', 'shared', 0]);
    });

    test('grandchildren run in the place that their grandparent lent, also through another cache', () => {
      const fleet = new Fleet({ tiers: tiers === 'l1' ? 'l1' : 'l1+l2+bus', maxLoads: 1 });
      const { cache } = fleet.member();
      const other = fleet.join({ tiers: 'l1' }).cache;
      const deep = (levels: number): Promise<string> =>
        levels === 0 ? Promise.resolve('end') : cache.getOrSet(`level:${levels}`, () => deep(levels - 1));
      expect(fleet.settle(cache.getOrSet('top', () => deep(5)))).toBe('end');
      const through = cache.getOrSet('one', () => other.getOrSet('two', () => cache.getOrSet('three', () => 'end')));
      expect(fleet.settle(through)).toBe('end');
      expect(refusedBy(cache)).toBe(0);
    });

    test('a call for many keys lends its place, and borrows one', () => {
      const fleet = new Fleet({ tiers, maxLoads: 1 });
      const { cache } = fleet.member();
      const inner: ManyLoader<string> = ({ keys }) => keys.map((key) => [key, key] as const);
      const outer: ManyLoader<string> = async ({ keys }) => {
        const found = await cache.getOrSetMany(['x', 'y'], inner);
        return keys.map((key) => [key, `${key} with ${found.join()}`] as const);
      };
      expect(fleet.settle(cache.getOrSetMany(['a', 'b'], outer))).toEqual(['a with x,y', 'b with x,y']);
      expect(refusedBy(cache)).toBe(0);
    });

    test('a place stays taken while a child runs in it that its parent did not await', () => {
      const fleet = new Fleet({ tiers, maxLoads: 1 });
      const { cache } = fleet.member();
      const held = new HeldLoads<string>();
      const child: Promise<string>[] = [];
      const parent = watch(
        cache.getOrSet('parent', () => {
          child.push(cache.getOrSet('child', held.loader));
          return 'parent';
        }),
      );
      fleet.run(5);
      const next = watch(cache.getOrSet('next', () => 'next'));
      fleet.run(20);
      expect([parent.value(), next.state, held.count, cache.health().source.running]).toEqual([
        'parent',
        'pending',
        1,
        1,
      ]);
      held.answer('child');
      fleet.run(5);
      expect([next.value(), cache.health().source.running]).toEqual(['next', 0]);
    });
  });
}

test('a load that no other loader waits for borrows no place', () => {
  const fleet = new Fleet({ tiers: 'l1', maxLoads: 1 });
  const { cache } = fleet.member();
  const held = new HeldLoads<string>();
  const parent = watch(cache.getOrSet('parent', held.loader));
  fleet.run(5);
  const other = watch(cache.getOrSet('other', () => 'other'));
  fleet.run(20);
  expect([parent.state, other.state]).toEqual(['pending', 'pending']);
  held.answer('done');
  fleet.run(5);
  expect([parent.value(), other.value()]).toEqual(['done', 'other']);
});
