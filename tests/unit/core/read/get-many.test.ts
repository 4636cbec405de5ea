import { describe, expect, test } from 'bun:test';
import { Fleet, roundTrips } from '../../../support/core-fixture.ts';
import { keys } from '../../../support/many-rows.ts';
import { watch } from '../../../support/watch.ts';

function fill(fleet: Fleet, names: readonly string[], tags: (key: string) => string[] = () => []): void {
  for (const key of names) fleet.settle(fleet.cache(0).getOrSet(key, () => `value of ${key}`, { tags: tags(key) }));
}

describe('reading many keys', () => {
  test('answers in the order asked what there is, from L1 and with one question from L2, and keeps it', () => {
    const fleet = new Fleet({ instances: 2 });
    fill(fleet, keys(3));
    const two = fleet.member(1);
    fleet.settle(two.cache.get('k1'));
    two.calls.length = 0;
    const values = fleet.settle(two.cache.getMany<string>(['none', 'k2', 'k1', 'k0', 'k2']));
    expect(values).toEqual([undefined, 'value of k2', 'value of k1', 'value of k0', 'value of k2']);
    expect(two.calls.map(({ operation, names }) => [operation, names])).toEqual([['readMany', 'none k2 k0']]);
    expect(keys(3).map((key) => two.cache.peek<string>(key))).toEqual(keys(3).map((key) => `value of ${key}`));
    expect(two.cache.stats()).toMatchObject({ misses: 1, loads: 0, tiers: { l1: { hits: 4 }, l2: { hits: 3 } } });
  });

  test('reads all tags that are not known in one more command, and none that is', () => {
    const fleet = new Fleet({ instances: 2 });
    fill(fleet, keys(6), (key) => [`tag:${key}`, 'all']);
    const two = fleet.member(1);
    expect(fleet.settle(two.cache.getMany(keys(4)))).toHaveLength(4);
    expect(roundTrips(two)).toBe(2);
    two.calls.length = 0;
    fleet.settle(two.cache.getMany(keys(6)));
    expect(two.calls.map(({ names }) => names.split(' ').length)).toEqual([2, 2]);
  });

  test('serves neither what is stale nor what a tag has ended', () => {
    const fleet = new Fleet({ instances: 2, defaults: { staleWhileRevalidate: '1h', staleIfError: '1h' } });
    const { cache } = fleet.member(0);
    fleet.settle(cache.set('short', 1, { ttl: '1s' }));
    fleet.settle(cache.set('tagged', 1, { tags: ['t'] }));
    fleet.settle(cache.set('good', 1));
    fleet.settle(cache.invalidate({ tags: ['t'] }));
    fleet.run(1_500);
    for (const index of [0, 1]) {
      expect(fleet.settle(fleet.cache(index).getMany(['short', 'tagged', 'good']))).toEqual([undefined, undefined, 1]);
    }
  });

  test('does not believe L2 about a key of which an invalidation is still owed', () => {
    const fleet = new Fleet();
    fill(fleet, keys(2));
    const { cache, l2 } = fleet.member();
    l2.fail('error', { only: 'invalidate' });
    fleet.failure(cache.delete('k0'));
    cache.peek('k1');
    expect(fleet.settle(cache.getMany<string>(keys(2)))).toEqual([undefined, 'value of k1']);
  });

  test('keeps nothing that was invalidated while it was read', () => {
    const fleet = new Fleet({ instances: 2 });
    fill(fleet, keys(2));
    const reply = fleet.hold('reply', 'i1.data readMany');
    const reading = watch(fleet.cache(1).getMany<string>(keys(2)));
    fleet.run(5);
    fleet.settle(fleet.cache(0).delete('k0'));
    fleet.run(5);
    reply.open();
    fleet.run(5);
    expect(reading.value()).toEqual(['value of k0', 'value of k1']);
    expect([fleet.cache(1).peek('k0'), fleet.cache(1).peek<string>('k1')]).toEqual([undefined, 'value of k1']);
  });

  test('answers nothing, and fails nothing, while L2 is away', () => {
    const fleet = new Fleet();
    const { cache, l2, events } = fleet.member();
    l2.fail();
    expect(fleet.settle(cache.getMany(keys(50)))).toEqual(keys(50).map(() => undefined));
    expect(events.filter(({ type }) => type === 'tier_failure')).toHaveLength(1);
  });

  test('refuses what is no list of good keys', () => {
    const { cache } = new Fleet().member();
    const refuse = (given: unknown) => expect(cache.getMany(given as string[])).rejects;
    refuse('a').toMatchObject({ option: 'keys' });
    refuse(keys(10_001)).toMatchObject({ option: 'keys' });
    refuse(['a', 1]).toMatchObject({ code: 'INVALID_KEY' });
    expect(cache.getMany([])).resolves.toEqual([]);
  });
});
