import { describe, expect, test } from 'bun:test';
import { Fleet, type Member, roundTrips } from '../../../support/core-fixture.ts';

function tripsOf(member: Member, act: () => void): number {
  member.calls.length = 0;
  act();
  return roundTrips(member);
}

describe('what a read costs', () => {
  test('a hit in L1 is no round trip', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    const trips = tripsOf(fleet.member(), () => fleet.settle(fleet.cache().getOrSet('k', () => 2)));
    expect(trips).toBe(0);
  });

  test('a hit in L1 is answered within the tick of the call', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    expect(fleet.cache().peek<number>('k')).toBe(1);
  });

  test('a hit in L2 is one round trip', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1));
    // The first read of an instance learns the root's generation, in the same round trip.
    const trips = tripsOf(fleet.member(1), () => {
      const lookup = fleet.settle(fleet.cache(1).lookup('k', () => 2));
      expect(lookup).toMatchObject({ value: 1, tier: 'l2', state: 'fresh' });
    });
    expect(trips).toBe(1);
  });

  test('a miss is two round trips: the lease and the fill', () => {
    const fleet = new Fleet();
    const trips = tripsOf(fleet.member(), () => fleet.settle(fleet.cache().getOrSet('k', () => 1)));
    expect(trips).toBe(2);
    expect(fleet.member().calls.map(({ operation }) => operation)).toEqual(['acquire', 'tagGenerations', 'fill']);
  });

  test('a hit in L2 with tags named by the caller is one round trip, known or not', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1, { tags: ['t'] }));
    const read = () => fleet.settle(fleet.cache(1).lookup('k', () => 2, { tags: ['t'] }));
    expect(tripsOf(fleet.member(1), () => expect(read().tier).toBe('l2'))).toBe(1);
  });

  test('a hit in L2 whose tags the caller does not name is one more until they are known, then one', () => {
    const fleet = new Fleet({ instances: 2 });
    for (const key of ['a', 'b']) fleet.settle(fleet.cache(0).getOrSet(key, () => 1, { tags: ['t'] }));
    const read = (key: string) => () => expect(fleet.settle(fleet.cache(1).lookup(key, () => 2)).tier).toBe('l2');
    expect(tripsOf(fleet.member(1), read('a'))).toBe(2);
    expect(tripsOf(fleet.member(1), read('b'))).toBe(1);
  });

  test('get is one round trip for a value and for nothing', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1));
    fleet.settle(fleet.cache(1).getOrSet('other', () => 1));
    expect(tripsOf(fleet.member(1), () => expect(fleet.settle(fleet.cache(1).get('k'))).toBe(1))).toBe(1);
    expect(tripsOf(fleet.member(1), () => expect(fleet.settle(fleet.cache(1).get('none'))).toBeUndefined())).toBe(1);
  });

  test('delete is one round trip, a tag too, and both together', () => {
    const fleet = new Fleet();
    const { cache } = fleet.member();
    expect(tripsOf(fleet.member(), () => fleet.settle(cache.delete('k')))).toBe(1);
    const both = () => fleet.settle(cache.invalidate({ keys: ['a', 'b'], tags: ['t'] }));
    expect(tripsOf(fleet.member(), () => expect(both()).toEqual({ keys: 2, tags: 1 }))).toBe(1);
  });

  test('without an L2 nothing is sent at all', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    const trips = tripsOf(fleet.member(), () => {
      expect(fleet.settle(fleet.cache().getOrSet('k', () => 1))).toBe(1);
      fleet.settle(fleet.cache().delete('k'));
    });
    expect(trips).toBe(0);
  });
});
