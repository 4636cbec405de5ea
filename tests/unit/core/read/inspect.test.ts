import { describe, expect, test } from 'bun:test';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

describe('inspect', () => {
  test('says where a key lives, and why it would be served', () => {
    const fleet = new Fleet({ instances: 2 });
    const options = { ttl: '10s', staleWhileRevalidate: '20s', staleIfError: '30s', tags: ['t'] } as const;
    fleet.settle(fleet.cache(0).getOrSet('k', () => ({ n: 1 }), options));
    fleet.run(1_000);
    const copy = { state: 'fresh', value: { n: 1 }, staleWhileRevalidate: 20_000, staleIfError: 30_000, tags: ['t'] };
    const here = fleet.settle(fleet.cache(0).inspect('k'));
    expect(here).toMatchObject({ key: 'k', l1: { ...copy, serves: true }, l2: { ...copy, kind: 'value' } });
    expect(here.l1?.age).toBeWithin(1_000, 1_010);
    expect(here.l1?.ttl).toBeWithin(8_980, 9_001);
    const there = fleet.settle(fleet.cache(1).inspect('k'));
    expect(there).not.toHaveProperty('l1');
    expect(there).toMatchObject({ l2: { kind: 'value' } });
  });

  test('says so of a value without end', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1, { ttl: Infinity, staleWhileRevalidate: '1m' }));
    const { l1 } = fleet.settle(fleet.cache().inspect('k'));
    expect(l1).toMatchObject({ ttl: Infinity, staleWhileRevalidate: 60_000, staleIfError: 0 });
  });

  test('knows a lease, a stale value, an expired one, and one that a tag has ended', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleWhileRevalidate: '1s', staleIfError: '1h' } });
    watch(fleet.cache().getOrSet('leased', new HeldLoads<number>().loader));
    for (const key of ['stale', 'tagged']) fleet.settle(fleet.cache().getOrSet(key, () => 1, { tags: [key] }));
    fleet.run(1_000);
    fleet.settle(fleet.cache().invalidate({ tags: ['tagged'] }));
    const inspect = (key: string) => fleet.settle(fleet.cache().inspect(key));
    expect(inspect('leased')).toEqual({ key: 'leased', l2: { kind: 'lease' } });
    expect(inspect('stale')).toMatchObject({ l1: { state: 'stale', serves: false }, l2: { state: 'stale' } });
    expect(inspect('tagged')).toMatchObject({ l2: { kind: 'void' }, lastInvalidation: { by: 'tag', origin: 'here' } });
    expect(inspect('tagged')).not.toHaveProperty('l1');
    expect(inspect('none')).toEqual({ key: 'none' });
    fleet.run(1_000);
    expect(inspect('stale')).toMatchObject({ l1: { state: 'expired' }, l2: { state: 'expired' } });
  });

  test('changes nothing: no lease, nothing in L1, nothing remembered', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1));
    fleet.settle(fleet.cache(1).inspect('k'));
    fleet.settle(fleet.cache(1).inspect('none'));
    expect(fleet.cache(1).peek('k')).toBeUndefined();
    expect(fleet.settle(fleet.cache(0).inspect('none'))).toEqual({ key: 'none' });
    // The one miss is that of the peek.
    expect(fleet.cache(1).stats()).toMatchObject({ hits: 0, misses: 1, loads: 0 });
  });

  test('names the last invalidation: of the key, of a tag, of everything, here or elsewhere', () => {
    const fleet = new Fleet({ instances: 2 });
    const last = (index: number, key: string) => fleet.settle(fleet.cache(index).inspect(key)).lastInvalidation;
    fleet.settle(fleet.cache(0).delete('k'));
    fleet.run(10);
    expect(last(0, 'k')).toMatchObject({ by: 'key', origin: 'here' });
    expect(last(1, 'k')).toMatchObject({ by: 'key', origin: 'elsewhere' });
    expect(last(1, 'k')?.ago).toBeWithin(9, 15);
    expect(last(0, 'other')).toBeUndefined();
    fleet.settle(fleet.cache(0).clear());
    fleet.run(5);
    expect(last(1, 'other')).toMatchObject({ by: 'all', origin: 'elsewhere' });
  });

  test('does not take a tag for a key of the same name', () => {
    const fleet = new Fleet();
    const options = { tags: ['product:1'] };
    fleet.settle(fleet.cache().delete('product:1'));
    fleet.run(100);
    fleet.settle(fleet.cache().getOrSet('other', () => 1, options));
    expect(fleet.settle(fleet.cache().inspect('other'))).not.toHaveProperty('lastInvalidation');
    fleet.settle(fleet.cache().invalidate({ tags: ['product:1'] }));
    expect(fleet.settle(fleet.cache().inspect('product:1')).lastInvalidation).toMatchObject({ by: 'key' });
  });

  test('works without an L2, and while L2 is away', () => {
    const alone = new Fleet({ tiers: 'l1' });
    alone.settle(alone.cache().getOrSet('k', () => 1));
    expect(alone.settle(alone.cache().inspect('k'))).toMatchObject({ l1: { value: 1, serves: true } });
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.server.stop();
    expect(fleet.settle(fleet.cache().inspect('k'))).not.toHaveProperty('l2');
  });
});
