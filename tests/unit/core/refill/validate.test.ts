import { describe, expect, test } from 'bun:test';
import { Fleet } from '../../../support/core-fixture.ts';

const isV2 = (value: unknown): boolean => typeof value === 'object' && value !== null && 'v2' in value;

/** One that writes what the other cannot use. */
function fleetOf(validate: (value: unknown, key: string) => boolean): Fleet {
  const fleet = new Fleet();
  fleet.join({ validate });
  return fleet;
}

describe('a stored value that fails validation', () => {
  test('is a miss: it is loaded, and replaced in L2', () => {
    const fleet = fleetOf(isV2);
    const [old, young] = [fleet.cache(0), fleet.cache(1)];
    fleet.settle(old.getOrSet('k', () => ({ v1: 1 })));
    expect(fleet.settle(young.get('k'))).toBeUndefined();
    expect(fleet.settle(young.getMany(['k']))).toEqual([undefined]);
    const answer = fleet.settle(young.lookup<unknown>('k', () => ({ v2: 2 })));
    expect(answer).toMatchObject({ value: { v2: 2 }, tier: 'source', state: 'fresh' });
    expect(fleet.settle(young.lookup<unknown>('k', () => 'again'))).toMatchObject({ value: { v2: 2 }, tier: 'l1' });
  });

  test('is no stale answer either', () => {
    const fleet = fleetOf(isV2);
    const options = { ttl: '1s', staleIfError: '1h' } as const;
    fleet.settle(fleet.cache(0).getOrSet('k', () => ({ v1: 1 }), options));
    fleet.run(1_500);
    const failing = fleet.cache(1).getOrSet<unknown>('k', () => Promise.reject(new Error('away')), options);
    expect(fleet.failure(failing)).toMatchObject({ message: 'away' });
  });

  test('takes none of the other keys of its call along', () => {
    const fleet = fleetOf(isV2);
    fleet.settle(
      fleet.cache(0).setMany<unknown>([
        ['a', { v1: 1 }],
        ['b', { v2: 2 }],
      ]),
    );
    const load = () => [['a', { v2: 'loaded' }]] as const;
    const answers = fleet.settle(fleet.cache(1).lookupMany<unknown>(['a', 'b'], load));
    expect(answers).toMatchObject([
      { value: { v2: 'loaded' }, tier: 'source' },
      { value: { v2: 2 }, tier: 'l2' },
    ]);
  });
});

describe('a value that validation refuses', () => {
  test('is counted and told of, without the value', () => {
    const fleet = fleetOf(isV2);
    fleet.settle(fleet.cache(0).getOrSet('product:1', () => ({ v1: 'a secret' })));
    const { cache, failures } = fleet.member(1);
    fleet.settle(cache.lookup('product:1', () => ({ v2: 1 })));
    expect(failures).toMatchObject([{ operation: 'validate', tier: 'l2', key: 'product:1', background: false }]);
    expect(failures[0]?.error).toMatchObject({ code: 'CODEC', key: 'product:1' });
    expect(Bun.inspect(failures)).not.toContain('secret');
    expect(cache.stats().tiers.l2).toMatchObject({ errors: 1 });
  });

  test('is told of once a second, however many there are, and counted each time', () => {
    const fleet = fleetOf(isV2);
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
    fleet.settle(fleet.cache(0).setMany<unknown>(keys.map((key) => [key, { v1: 1 }])));
    const { cache, failures } = fleet.member(1);
    expect(new Set(fleet.settle(cache.getMany(keys)))).toEqual(new Set([undefined]));
    expect(failures).toHaveLength(1);
    expect(cache.stats().tiers.l2).toMatchObject({ errors: 50 });
    fleet.run(1_000);
    fleet.settle(cache.get('k7'));
    expect(failures.map(({ key }) => key)).toEqual(['k0', 'k7']);
  });
});

test('validation is asked once for each read from L2, with the key, and neither of loads nor of absence', () => {
  const asked: unknown[] = [];
  const fleet = fleetOf((value, key) => asked.push([key, value]) > 0);
  const [old, young] = [fleet.cache(0), fleet.cache(1)];
  fleet.settle(
    old.setMany<unknown>([
      ['a', 1],
      ['none', null],
    ]),
  );
  for (let calls = 0; calls < 3; calls += 1) fleet.settle(young.getOrSet<unknown>('a', () => 'loaded'));
  expect(fleet.settle(young.getOrSet<unknown>('none', () => 'loaded'))).toBeNull();
  fleet.settle(young.getOrSet('b', () => 2));
  fleet.settle(young.set('c', 3));
  expect(fleet.settle(young.get('c'))).toBe(3);
  expect(asked).toEqual([['a', 1]]);
});

for (const [what, validate] of [
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['answers with a promise', async () => Promise.reject(new Error('later'))],
] as const) {
  test(`validation that ${what} is a miss that onError is told of; others are answered`, () => {
    const fleet = fleetOf((value) => (value === 'bad' ? (validate as () => boolean)() : true));
    for (const key of ['bad', 'good']) fleet.settle(fleet.cache(0).set(key, key));
    const young = fleet.cache(1);
    const both = Promise.all([young.lookup('bad', () => 'loaded'), young.lookup('good', () => 'loaded')]);
    expect(fleet.settle(both)).toMatchObject([
      { value: 'loaded', tier: 'source' },
      { value: 'good', tier: 'l2' },
    ]);
    expect(fleet.member(1).failures).toMatchObject([{ operation: 'validate', tier: 'l2', key: 'bad' }]);
  });
}
