import { describe, expect, test } from 'bun:test';
import { InvalidValueError, type ManyLoaderContext } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { keys, namesOf, type Rows } from '../../../support/many-rows.ts';

describe('a loader of many keys', () => {
  test('takes a key that the loader leaves out for one that the source has not', () => {
    const fleet = new Fleet();
    const loader = ({ keys: wanted }: ManyLoaderContext) => new Map(wanted.slice(1).map((key) => [key, 1]));
    const options = { ttl: '1h', negativeTtl: '1s', l1Ttl: '1h' } as const;
    expect(fleet.settle(fleet.cache().getOrSetMany(['a', 'b'], loader, options))).toEqual([null, 1]);
    expect([fleet.cache().peek('a'), fleet.cache().peek('b')]).toEqual([null, 1]);
    fleet.run(1_001);
    expect([fleet.cache().peek('a'), fleet.cache().peek('b')]).toEqual([undefined, 1]);
  });

  test('fails every key that it was to load with the error of the loader, unchanged', () => {
    const fleet = new Fleet();
    const error = new Error('the database is away');
    const loader = (): Rows => {
      throw error;
    };
    expect(fleet.failure(fleet.cache().getOrSetMany(keys(3), loader))).toBe(error);
    expect(fleet.cache().stats()).toMatchObject({ errors: 3 });
    expect(fleet.settle(fleet.cache().getOrSetMany(keys(3), namesOf()))).toHaveLength(3);
  });

  test('answers stale what a failed load has left within staleIfError', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleIfError: '1h', l1Ttl: '1h' } });
    fleet.settle(fleet.cache().getOrSetMany(['a', 'b'], namesOf()));
    fleet.run(2_000);
    let old: ReadonlyMap<string, unknown> = new Map();
    const failing = ({ stale }: ManyLoaderContext): Rows => {
      old = stale;
      throw new Error('the database is away');
    };
    expect(fleet.settle(fleet.cache().getOrSetMany(['a', 'b'], failing))).toEqual(['value of a', 'value of b']);
    expect([...old]).toEqual([
      ['a', 'value of a'],
      ['b', 'value of b'],
    ]);
    const error = fleet.failure(fleet.cache().getOrSetMany(['a', 'c', 'b'], failing));
    expect(error).toMatchObject({ message: 'the database is away' });
  });

  test('rejects with the first error in the order asked, and stores what it could', () => {
    const fleet = new Fleet();
    const loader = ({ keys: wanted }: ManyLoaderContext) =>
      wanted.map((key) => [key, key === 'b' || key === 'd' ? undefined : key] as const);
    const error = fleet.failure(fleet.cache().getOrSetMany<unknown>(['a', 'd', 'b', 'c'], loader));
    expect(error).toBeInstanceOf(InvalidValueError);
    expect(error).toMatchObject({ key: 'd' });
    expect([fleet.cache().peek<string>('a'), fleet.cache().peek<string>('c')]).toEqual(['a', 'c']);
  });

  test('refuses rows of keys that were not asked for, and what is no list of pairs', () => {
    const fleet = new Fleet();
    const refuse = (rows: unknown) => fleet.failure(fleet.cache().getOrSetMany(['a'], () => rows as Rows));
    expect(
      refuse([
        ['a', 1],
        ['product:9', 2],
      ]),
    ).toMatchObject({ name: 'InvalidKeyError', key: 'product:9' });
    for (const rows of [undefined, 'a', { a: 1 }, [1], ['a']]) expect(refuse(rows)).toBeInstanceOf(InvalidValueError);
    const foreign = ({ setTtl }: ManyLoaderContext): Rows => {
      setTtl('z', 1);
      return [];
    };
    expect(fleet.failure(fleet.cache().getOrSetMany(['a'], foreign))).toMatchObject({ key: 'z' });
  });

  test('refuses a list of pairs that does not end, and lets its generator end', () => {
    const fleet = new Fleet();
    let isOver = false;
    function* endless(): Generator<readonly [key: string, value: string]> {
      try {
        for (;;) yield ['a', 'again'];
      } finally {
        isOver = true;
      }
    }
    const error = fleet.failure(fleet.cache().getOrSetMany(['a'], endless));
    expect(error).toBeInstanceOf(InvalidValueError);
    expect(String(error)).toContain('at most 10000 pairs');
    expect(isOver).toBe(true);
    expect(fleet.settle(fleet.cache().getOrSetMany(['a'], namesOf()))).toEqual(['value of a']);
  });

  test('lets the loader say of each key how long it lives, what it belongs to, and that it is not stored', () => {
    const fleet = new Fleet({ defaults: { l1Ttl: '1h' } });
    const loader = ({ keys: wanted, setTtl, setTags, skip }: ManyLoaderContext): Rows => {
      setTtl('a', '1s');
      setTags('b', ['t']);
      skip('c');
      return wanted.map((key) => [key, key] as const);
    };
    expect(fleet.settle(fleet.cache().getOrSetMany(['a', 'b', 'c', 'd'], loader))).toEqual(['a', 'b', 'c', 'd']);
    const here = (): unknown[] => ['a', 'b', 'c', 'd'].map((key) => fleet.cache().peek(key));
    expect(here()).toEqual(['a', 'b', undefined, 'd']);
    fleet.run(1_001);
    fleet.settle(fleet.cache().invalidate({ tags: ['t'] }));
    expect(here()).toEqual([undefined, undefined, undefined, 'd']);
  });
});
