import { describe, expect, test } from 'bun:test';
import type { RemoteTier, StoredRecord } from '../../../../src/core/ports/remote-tier.ts';
import { CodecError } from '../../../../src/index.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import type { Weakening } from '../../../simulation/world.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

describe('get', () => {
  test('answers a fresh value from L1 or L2, and keeps it in L1', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'value'));
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('value');
    expect(fleet.settle(fleet.cache(1).get<string>('k'))).toBe('value');
    expect(fleet.cache(1).peek<string>('k')).toBe('value');
  });

  test('answers nothing for what is missing, stale or expired; it loads nothing and takes no lease', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '1s', staleWhileRevalidate: '1h', staleIfError: '1h' } });
    expect(fleet.settle(fleet.cache(0).get('none'))).toBeUndefined();
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1));
    fleet.run(1_000);
    for (const { cache } of fleet.members) expect(fleet.settle(cache.get('k'))).toBeUndefined();
    fleet.settle(fleet.cache(1).getOrSet('none', () => 'not held up'));
    const operations = new Set(fleet.members.flatMap(({ calls }) => calls.map(({ operation }) => operation)));
    expect(operations).not.toContain('claimRefresh');
  });

  test('sees no lease as a value', () => {
    const fleet = new Fleet({ instances: 2 });
    watch(fleet.cache(0).getOrSet('k', new HeldLoads<number>().loader));
    fleet.run(5);
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeUndefined();
  });

  test('answers nothing while L2 is away, and no error', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    expect(fleet.settle(fleet.cache().get('k'))).toBeUndefined();
    expect(fleet.settle(fleet.cache().has('k'))).toBe(false);
  });

  test('that crosses a change keeps nothing', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(1).set('k', 'old'));
    const reply = fleet.hold('reply', 'i0.data read k');
    const getting = watch(fleet.cache(0).get<string>('k'));
    fleet.run(5);
    fleet.settle(fleet.cache(1).set('k', 'new'));
    fleet.run(5);
    reply.open();
    fleet.run(5);
    expect(getting.value()).toBe('old');
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('new');
  });
});

/** An L2 that reads other records than it was asked for, or other bytes than there are. */
function reading(change: { id?: (id: string) => string; body?: () => string }): Weakening {
  const { id: other = (id) => id, body } = change;
  const changed = (record: StoredRecord): StoredRecord =>
    record.kind === 'value' && body !== undefined
      ? { kind: 'value', value: { ...record.value, body: body() } }
      : record;
  return {
    tier: (tier) =>
      overriding<RemoteTier>(tier, {
        acquire: async (id, ...rest) => changed(await tier.acquire(other(id), ...rest)),
        read: async (id, generation) => changed(await tier.read(other(id), generation)),
      }),
  };
}

describe('bytes in L2 that are no answer', () => {
  test('are a miss, and reported, if they are not an envelope', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().set('k', 'good'));
    const garbled = fleet.join({ weakening: reading({ body: () => '{"no":"envelope"}' }) });
    expect(fleet.settle(garbled.cache.lookup('k', () => 'loaded'))).toMatchObject({ value: 'loaded', tier: 'source' });
    expect(garbled.failures).toMatchObject([{ operation: 'decode', tier: 'l2', key: 'k' }]);
    expect(garbled.failures[0]?.error).toBeInstanceOf(CodecError);
    // They are replaced by what was loaded.
    expect(fleet.settle(fleet.join({}).cache.get<string>('k'))).toBe('loaded');
  });

  test('are a miss if they are another key’s', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().set('secret', 'of somebody'));
    const pasted = fleet.join({ weakening: reading({ id: () => 'secret' }) });
    expect(fleet.settle(pasted.cache.get('secret'))).toBe('of somebody');
    expect(fleet.settle(pasted.cache.get('k'))).toBeUndefined();
    expect(fleet.settle(pasted.cache.lookup('k', () => 'loaded'))).toMatchObject({ value: 'loaded', tier: 'source' });
    expect(pasted.failures).toEqual([]);
  });

  test('are a miss if a tag that the caller names could not end them', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'untagged'));
    const lookup = fleet.settle(fleet.cache(1).lookup('k', () => 'tagged', { tags: ['t'] }));
    expect(lookup).toMatchObject({ value: 'tagged', tier: 'source', tags: ['t'] });
  });
});

describe('has and peek', () => {
  test('has says whether get would answer, for null too', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).set('null', null));
    fleet.settle(fleet.cache(0).set('false', false));
    for (const { cache } of fleet.members) {
      expect(fleet.settle(cache.has('null'))).toBe(true);
      expect(fleet.settle(cache.has('false'))).toBe(true);
      expect(fleet.settle(cache.has('none'))).toBe(false);
    }
  });

  test('peek looks in L1 alone, and sends nothing', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).set('k', 1));
    expect(fleet.cache(0).peek<number>('k')).toBe(1);
    expect(fleet.cache(1).peek('k')).toBeUndefined();
    expect(fleet.member(1).calls).toEqual([]);
    expect(fleet.cache(0).peekLookup<number>('k')).toMatchObject({
      value: 1,
      tier: 'l1',
      state: 'fresh',
      collapsed: false,
    });
  });
});

describe('set', () => {
  test('stores in both tiers, and ends what others hold', () => {
    const fleet = new Fleet({ instances: 2 });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old'));
    expect(fleet.settle(fleet.cache(0).set('k', 'new', { ttl: '1m', tags: ['t'] }))).toBe(true);
    expect(fleet.cache(0).peek<string>('k')).toBe('new');
    fleet.run(5);
    expect(fleet.cache(1).peek('k')).toBeUndefined();
    const lookup = fleet.settle(fleet.cache(1).lookup('k', () => 'unwanted'));
    expect(lookup).toMatchObject({ value: 'new', tier: 'l2', tags: ['t'] });
    expect(lookup.ttl).toBeWithin(59_900, 60_001);
  });

  test('voids a load that is under way, here and elsewhere', () => {
    const fleet = new Fleet({ instances: 2 });
    for (const index of [0, 1]) {
      const loads = new HeldLoads<string>();
      watch(fleet.cache(index).getOrSet(`k${index}`, loads.loader));
      fleet.run(5);
      fleet.settle(fleet.cache(0).set(`k${index}`, 'new'));
      fleet.run(5);
      loads.answer('old');
      fleet.run(5);
      for (const { cache } of fleet.members) expect(fleet.settle(cache.get<string>(`k${index}`))).toBe('new');
    }
  });

  test('with a version refuses an older one, and says so', () => {
    const fleet = new Fleet({ instances: 2 });
    expect(fleet.settle(fleet.cache(0).set('k', 'v2', { version: 2 }))).toBe(true);
    expect(fleet.settle(fleet.cache(1).set('k', 'v1', { version: 1 }))).toBe(false);
    expect(fleet.settle(fleet.cache(1).get<string>('k'))).toBe('v2');
    expect(fleet.settle(fleet.cache(1).set('k', 'v2 again', { version: 2 }))).toBe(true);
    expect(fleet.settle(fleet.cache(1).set('k', 'v3', { version: 3 }))).toBe(true);
    fleet.run(5);
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('v3');
  });

  test('without a version the last call wins', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).set('k', 'v2', { version: 2 }));
    expect(fleet.settle(fleet.cache(1).set('k', 'unversioned'))).toBe(true);
    expect(fleet.settle(fleet.cache(0).get<string>('k'))).toBe('unversioned');
  });

  test('that crosses another set leaves in L1 the value written last to L2', () => {
    const fleet = new Fleet({ instances: 2 });
    const reply = fleet.hold('reply', 'i0.data write k');
    const first = watch(fleet.cache(0).set('k', 'first'));
    fleet.run(5);
    fleet.settle(fleet.cache(1).set('k', 'second'));
    fleet.run(5);
    reply.open();
    fleet.run(5);
    expect(first.value()).toBe(true);
    for (const { cache } of fleet.members) expect(fleet.settle(cache.get<string>('k'))).toBe('second');
  });

  test('takes its tags from the value, too', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).set('k', { org: 3 }, { tags: ({ org }) => [`org:${org}`] }));
    fleet.settle(fleet.cache(1).invalidate({ tags: ['org:3'] }));
    fleet.run(5);
    for (const { cache } of fleet.members) expect(fleet.settle(cache.has('k'))).toBe(false);
  });

  test('works without an L2', () => {
    const fleet = new Fleet({ tiers: 'l1' });
    expect(fleet.settle(fleet.cache().set('k', { n: 1 }))).toBe(true);
    expect(fleet.settle(fleet.cache().get<object>('k'))).toEqual({ n: 1 });
    expect(fleet.settle(fleet.cache().set('k', 1, { ttl: 0 }))).toBe(false);
    expect(fleet.settle(fleet.cache().has('k'))).toBe(false);
  });
});

test('a hit that is looked up names the tags as they were written, its namespace left out, and every time the same', () => {
  const fleet = new Fleet();
  const cache = fleet.cache().namespace('tenant');
  fleet.settle(cache.getOrSet('k', () => 1, { tags: ['one', 'other'] }));
  const hits = [cache.peekLookup('k'), fleet.settle(cache.lookup('k', () => 2))];
  for (const hit of hits) expect(hit).toMatchObject({ value: 1, tier: 'l1', tags: ['one', 'other'] });
  expect(hits.map((hit) => Object.isFrozen(hit?.tags))).toEqual([true, true]);
});
