import { describe, expect, test } from 'bun:test';
import { CacheError, InvalidationPendingError } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

describe('while L2 cannot be told', () => {
  test('an invalidation rejects, saying what is owed, and this process is clean', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 'old', { tags: ['t'] }));
    fleet.server.stop();
    const error = fleet.failure(fleet.cache().invalidate({ keys: ['k', 'l'], tags: ['t'] }));
    expect(error).toBeInstanceOf(InvalidationPendingError);
    expect(error).toBeInstanceOf(CacheError);
    expect(error).toMatchObject({
      code: 'INVALIDATION_PENDING',
      tier: 'l2',
      pending: { keys: 2, tags: 1, patterns: 0, all: false, outbox: false },
    });
    expect(fleet.cache().peek('k')).toBeUndefined();
    expect(fleet.cache().health().pending).toEqual({ keys: 2, tags: 1, patterns: 0, all: false, outbox: false });
  });

  test('delete, expire, clear and a pattern do so too; with onPending: resolve they resolve', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    const { cache } = fleet.member();
    for (const call of [cache.delete('k'), cache.expire('k'), cache.clear(), cache.invalidate({ pattern: 'k*' })])
      expect(fleet.failure(call)).toBeInstanceOf(InvalidationPendingError);
    const options = { onPending: 'resolve' } as const;
    for (const call of [cache.delete('k', options), cache.expire('k', options), cache.clear(options)])
      expect(fleet.settle(call)).toBeUndefined();
    expect(fleet.settle(cache.invalidate({ pattern: 'k*', keys: ['a'] }, options))).toEqual({ keys: 1, tags: 0 });
    expect(cache.health().pending).toMatchObject({ patterns: 2, all: true, outbox: false });
  });

  test('no caller of this instance is given the value that L2 still holds, until the invalidation is delivered', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'old'));
    fleet.hold('request', 'i0.data invalidate');
    expect(fleet.failure(fleet.cache(0).delete('k'))).toBeInstanceOf(InvalidationPendingError);
    const lookup = fleet.settle(fleet.cache(0).lookup('k', () => 'new'));
    expect(lookup).toMatchObject({
      value: 'new',
      tier: 'source',
      steps: { l2: { outcome: 'bypass', reason: 'pending' } },
    });
    expect(fleet.settle(fleet.cache(0).get('k'))).toBe('new');
    // Only what is owed is a miss.
    fleet.settle(fleet.cache(1).getOrSet('other', () => 'other'));
    expect(fleet.settle(fleet.cache(0).get('other'))).toBe('other');
  });

  test('it is delivered when L2 is back, before anything is read there, and everybody hears of it', () => {
    const fleet = new Fleet({ instances: 2 });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old', { tags: ['t'] }));
    fleet.member(0).tier.disconnect();
    fleet.run(5);
    fleet.failure(fleet.cache(0).invalidate({ tags: ['t'] }));
    fleet.member(0).calls.length = 0;
    fleet.member(0).tier.reconnect();
    const reading = watch(fleet.cache(0).lookup('k', () => 'new', { tags: ['t'] }));
    fleet.run(2_000);
    expect(reading.value()).toMatchObject({ value: 'new' });
    expect(fleet.member(0).events.map(({ type }) => type)).toContain('invalidation_delivered');
    const operations = fleet.member(0).calls.map(({ operation }) => operation);
    expect(operations[0]).toBe('invalidate');
    expect(fleet.cache(0).health().pending).toEqual({ keys: 0, tags: 0, patterns: 0, all: false, outbox: false });
    expect(fleet.cache(1).peek('k')).toBeUndefined();
  });

  test('a set becomes a pending invalidation of its key', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).set('k', 'old'));
    fleet.hold('request', 'i0.data write');
    expect(fleet.settle(fleet.cache(0).set('k', 'new'))).toBe(false);
    expect(fleet.cache(0).health().pending).toMatchObject({ keys: 1 });
    fleet.run(2_000);
    expect(fleet.cache(0).health().pending).toMatchObject({ keys: 0 });
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeUndefined();
  });

  test('what is owed is bounded: beyond the bound it is everything, which is delivered as a delete', () => {
    const fleet = new Fleet({ instances: 2, defaults: { staleIfError: '1h' } });
    fleet.settle(fleet.cache(1).getOrSet('other', () => 'old'));
    fleet.member(0).tier.disconnect();
    fleet.run(5);
    const keys = Array.from({ length: 6_000 }, (_, index) => `k${index}`);
    const options = { onPending: 'resolve' } as const;
    fleet.settle(fleet.cache(0).invalidate({ keys }, options));
    expect(fleet.cache(0).health().pending).toMatchObject({ keys: 6_000, all: false });
    // The order that makes it too much only expires; what was to be deleted before must not be expired instead.
    fleet.settle(fleet.cache(0).invalidate({ keys, mode: 'expire' }, options));
    expect(fleet.cache(0).health().pending).toMatchObject({ keys: 0, all: true });
    fleet.member(0).tier.reconnect();
    fleet.run(2_000);
    expect(fleet.cache(0).health().pending.all).toBe(false);
    expect(fleet.failure(fleet.cache(1).getOrSet('other', () => Promise.reject(new Error('down'))))).toBeInstanceOf(
      Error,
    );
  });
});
