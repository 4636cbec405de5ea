import { describe, expect, test } from 'bun:test';
import { lru } from '../../../src/adapters/lru/index.ts';
import { createTestCache } from '../../../src/testing/index.ts';

describe('a test cache', () => {
  test('works from the first call on, with all its tiers, and has told nothing of its beginning', async () => {
    await using fixture = createTestCache();
    const { cache, clock, l2, events, failures } = fixture;
    const { tier, steps } = await cache.lookup('a', () => 'v');
    expect([tier, steps.l1?.stored, steps.l2?.stored]).toEqual(['source', true, true]);
    expect(events.map(({ type }) => type)).toEqual(['load', 'lookup']);
    expect([l2.count('acquire'), l2.count('fill'), failures]).toEqual([1, 1, []]);
    expect((await cache.lookup('a', () => 'never')).tier).toBe('l1');
    await clock.advance('31s');
    expect((await cache.lookup('a', () => 'never')).tier).toBe('l2');
    expect(cache.health()).toMatchObject({ l1: { healthy: true }, l2: { healthy: true }, bus: { subscribed: true } });
  });

  test.each(['l1', 'l1+l2'] as const)('has only %s if told so', async (tiers) => {
    await using fixture = createTestCache({ tiers });
    const { cache, l2 } = fixture;
    expect((await cache.lookup('a', () => 'v')).tier).toBe('source');
    expect((await cache.lookup('a', () => 'never')).tier).toBe('l1');
    expect(l2.count('fill')).toBe(tiers === 'l1' ? 0 : 1);
  });

  test('takes the options of any cache, but for chance: no jitter unless it is asked for', async () => {
    await using fixture = createTestCache({ name: 'mine', l1: lru({ maxEntries: 1 }), defaults: { ttl: '10s' } });
    const { cache, clock } = fixture;
    expect(cache.name).toBe('mine');
    await cache.getOrSet('a', () => 'v');
    await clock.advance(9_999);
    expect(await cache.get('a')).toBe('v');
    await clock.advance(1);
    expect(await cache.get('a')).toBeUndefined();
    expect(() => createTestCache({ maxLag: 1 })).toThrow('maxLag');
  });

  test('plays the same course with the same seed, and another with another', async () => {
    const course = async (seed: number) => {
      await using fixture = createTestCache({ seed, defaults: { jitter: 0.5 } });
      const ttls = [];
      for (const key of ['a', 'b', 'c']) ttls.push((await fixture.cache.lookup(key, () => 'v')).ttl);
      return ttls;
    };
    expect(await course(7)).toEqual(await course(7));
    expect(await course(7)).not.toEqual(await course(8));
  });

  test('goes round an L2 that hangs, within its budget, and takes it up again', async () => {
    await using fixture = createTestCache();
    const { cache, clock, l2, events } = fixture;
    l2.hang();
    expect(await clock.settle(cache.getOrSet('a', () => 'v'))).toBe('v');
    expect(clock.now()).toBe(50);
    await clock.advance('2s');
    expect(cache.health().l2?.breaker).toBe('open');
    l2.heal();
    await clock.advance('2s');
    expect(cache.health().l2?.breaker).toBe('closed');
    expect(events.filter(({ type }) => type === 'l2_down' || type === 'l2_up').map(({ type }) => type)).toEqual([
      'l2_down',
      'l2_up',
    ]);
  });

  test('owes an invalidation that L2 was not told of', async () => {
    await using fixture = createTestCache();
    const { cache, clock, l2 } = fixture;
    const other = fixture.join();
    await cache.getOrSet('a', () => 'old');
    l2.fail('unavailable', { lasts: '3s' });
    await expect(clock.settle(cache.delete('a'))).rejects.toMatchObject({ code: 'INVALIDATION_PENDING' });
    expect(await other.cache.getOrSet('a', () => 'never')).toBe('old');
    await clock.advance('5s');
    expect(await other.cache.getOrSet('a', () => 'new')).toBe('new');
  });
});

describe('instances that have joined', () => {
  test('share the server and the time, and hear of each other’s invalidations', async () => {
    await using one = createTestCache({ defaults: { ttl: '1m' } });
    const two = one.join();
    const load = one.loader(() => 'v');
    await one.cache.getOrSet('a', load);
    expect((await two.cache.lookup('a', load)).tier).toBe('l2');
    await one.cache.delete('a');
    await one.clock.advance(0);
    expect([two.cache.peek('a'), load.calls, two.clock === one.clock]).toEqual([undefined, 1, true]);
    expect(two.events.at(-1)).toMatchObject({ type: 'invalidated', origin: 'elsewhere' });
  });

  test('serve old values for no longer than the bound when the bus loses a message', async () => {
    await using one = createTestCache({ maxLag: '1s' });
    const two = one.join();
    for (const { cache } of [one, two]) await cache.getOrSet('a', () => 'old');
    two.bus.lose({ only: 'invalidation' });
    await one.cache.delete('a');
    expect(two.cache.peek('a')).toBe('old');
    await one.clock.advance('1s');
    expect(two.cache.peek('a')).toBeUndefined();
    expect(two.events.map(({ type }) => type)).toContain('bus_gap');
  });

  test('lose a server that is gone for all of them', async () => {
    await using one = createTestCache();
    const two = one.join();
    one.server.stop();
    for (const { cache, clock } of [one, two]) {
      expect((await clock.settle(cache.lookup('a', () => 'v'))).steps.l2?.outcome).toBe('bypass');
    }
    one.server.restart({ keepData: false });
    await one.clock.advance('5s');
    await one.cache.getOrSet('b', () => 'v');
    expect((await two.cache.lookup('b', () => 'never')).tier).toBe('l2');
  });

  test('of another name are another cache: neither sees the entries of the other, or its clear()', async () => {
    await using users = createTestCache({ name: 'users' });
    const orders = users.join({ name: 'orders' });
    await users.cache.getOrSet('1', () => 'a user');
    expect(await orders.cache.getOrSet('1', () => 'an order')).toBe('an order');
    await orders.cache.clear();
    expect(await users.join().cache.get<string>('1')).toBe('a user');
  });

  test('load a key once, whichever instance is asked', async () => {
    await using one = createTestCache();
    const instances = [one, one.join(), one.join()];
    const load = one.loader(() => 'v');
    load.delay('100ms');
    const reads = instances.map(({ cache }) => cache.getOrSet('a', load));
    expect(await one.clock.settle(Promise.all(reads))).toEqual(['v', 'v', 'v']);
    expect(load.calls).toBe(1);
  });

  test('are closed together, whatever still hangs', async () => {
    const one = createTestCache();
    const two = one.join();
    const load = two.loader(() => 'v');
    load.hang();
    two.l2.hang();
    const read = two.cache.getOrSet('a', load).catch((error: unknown) => error);
    await one[Symbol.asyncDispose]();
    expect(await read).toMatchObject({ code: 'CACHE_CLOSED' });
    await expect(two.cache.getOrSet('b', load)).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
  });
});
