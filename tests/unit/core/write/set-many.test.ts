import { describe, expect, test } from 'bun:test';
import { Fleet, roundTrips } from '../../../support/core-fixture.ts';
import { keys } from '../../../support/many-rows.ts';

describe('storing many keys', () => {
  test('stores them in both tiers and takes them out of L1 elsewhere, in one round trip', () => {
    const fleet = new Fleet({ instances: 2 });
    const [one, two] = [fleet.member(0), fleet.member(1)];
    fleet.settle(
      one.cache.setMany<unknown>([
        ['a', 'old'],
        ['x', 1],
      ]),
    );
    fleet.settle(two.cache.getMany(['a', 'x']));
    one.calls.length = 0;
    const entries = new Map(keys(20).map((key): [string, string] => [key, `value of ${key}`])).set('a', 'new');
    expect(fleet.settle(one.cache.setMany(entries))).toEqual([...entries].map(() => true));
    expect(roundTrips(one)).toBe(1);
    fleet.run(5);
    expect([two.cache.peek('a'), two.cache.peek<number>('x')]).toEqual([undefined, 1]);
    expect(fleet.settle(two.cache.getMany<string>(['a', 'k19']))).toEqual(['new', 'value of k19']);
    expect(one.cache.peek<string>('k7')).toBe('value of k7');
  });

  test('reads each tag once', () => {
    const fleet = new Fleet();
    const entries = keys(10).map((key, index): [string, number] => [key, index]);
    const tags = (value: number): string[] => ['all', `of:${value % 2}`];
    fleet.settle(fleet.cache().setMany(entries, { tags }));
    const { calls } = fleet.member();
    const read = calls
      .filter(({ operation }) => operation === 'tagGenerations')
      .flatMap(({ names }) => names.split(' '));
    expect(read.filter((name) => name !== '\u0001\u0001').toSorted()).toEqual(['all', 'of:0', 'of:1']);
    expect(roundTrips(fleet.member())).toBe(2);
    fleet.settle(fleet.cache().invalidate({ tags: ['of:1'] }));
    const values = fleet.settle(fleet.cache().getMany<number>(keys(10)));
    expect(values).toEqual(entries.map(([, value]) => (value % 2 === 1 ? undefined : value)));
  });

  test('of a key that is named twice the last counts', () => {
    const fleet = new Fleet({ instances: 2 });
    expect(
      fleet.settle(
        fleet.cache(0).setMany<unknown>([
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ]),
      ),
    ).toEqual([true, true, true]);
    for (const index of [0, 1]) expect(fleet.settle(fleet.cache(index).getMany<number>(['a', 'b']))).toEqual([3, 2]);
  });

  test('says of each whether it is stored', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().set('a', 'newer', { version: 5 }));
    expect(
      fleet.settle(
        fleet.cache().setMany<unknown>(
          [
            ['a', 'older'],
            ['b', 1],
          ],
          { version: 4 },
        ),
      ),
    ).toEqual([false, true]);
    fleet.member().l2.fail();
    expect(
      fleet.settle(
        fleet.cache().setMany([
          ['a', 1],
          ['b', 1],
        ]),
      ),
    ).toEqual([false, false]);
  });

  test('stores nothing when one entry cannot be stored', () => {
    const fleet = new Fleet();
    const refuse = (entries: unknown, options = {}) =>
      fleet.failure(fleet.cache().setMany(entries as [string, unknown][], options));
    expect(
      refuse([
        ['a', 1],
        ['b', undefined],
      ]),
    ).toMatchObject({ code: 'INVALID_VALUE', key: 'b' });
    expect(
      refuse([
        ['a', 1],
        ['', 1],
      ]),
    ).toMatchObject({ code: 'INVALID_KEY' });
    expect(refuse([['a', 1]], { tags: () => ['good', ''] })).toMatchObject({ code: 'INVALID_KEY' });
    for (const entries of [undefined, 7, [['a', 1], 'b'], keys(10_001).map((key) => [key, 1])]) {
      expect(refuse(entries)).toMatchObject({ option: 'entries' });
    }
    expect(fleet.settle(fleet.cache().get('a'))).toBeUndefined();
    expect(fleet.settle(fleet.cache().setMany([]))).toEqual([]);
  });
});

describe('deleting many keys', () => {
  test('is one invalidation, and they are gone everywhere', () => {
    const fleet = new Fleet({ instances: 2 });
    const [one, two] = [fleet.member(0), fleet.member(1)];
    fleet.settle(one.cache.setMany(keys(20).map((key): [string, number] => [key, 1])));
    fleet.settle(two.cache.getMany(keys(20)));
    one.calls.length = 0;
    fleet.settle(one.cache.deleteMany([...keys(19), 'k0']));
    fleet.run(5);
    expect(one.calls.map(({ operation }) => operation)).toEqual(['invalidate']);
    for (const { cache } of [one, two]) {
      expect(fleet.settle(cache.getMany<number>(['k0', 'k18', 'k19']))).toEqual([undefined, undefined, 1]);
    }
  });

  test('is pending when L2 could not be told, as for one key', () => {
    const fleet = new Fleet();
    fleet.member().l2.fail();
    expect(fleet.failure(fleet.cache().deleteMany(keys(3)))).toMatchObject({ code: 'INVALIDATION_PENDING' });
    fleet.settle(fleet.cache().deleteMany(keys(3), { onPending: 'resolve' }));
    expect(fleet.failure(fleet.cache().deleteMany('k0' as unknown as string[]))).toMatchObject({ option: 'keys' });
    expect(fleet.failure(fleet.cache().deleteMany(keys(10_001)))).toMatchObject({ option: 'keys' });
  });
});
