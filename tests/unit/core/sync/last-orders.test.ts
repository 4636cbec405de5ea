import { describe, expect, test } from 'bun:test';
import type { Outbox } from '../../../../src/core/ports/outbox.ts';
import { InvalidationLostError } from '../../../../src/index.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions, type Member } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

/** Measures the close of a member. */
function closing(fleet: Fleet, { cache }: Member): number {
  const begun = fleet.time.now;
  fleet.settle(cache.close());
  return fleet.time.now - begun;
}

/** Returns the errors by which a member has told of lost invalidations. */
function lostBy({ failures }: Member): InvalidationLostError[] {
  return failures.flatMap(({ error }) => (error instanceof InvalidationLostError ? error : []));
}

/** Two members that have read `k` and `tagged` from L2. */
function readers(options: FleetOptions = {}): Fleet {
  const fleet = new Fleet({ instances: 2, ...options });
  for (const { cache } of fleet.members) {
    fleet.settle(cache.getOrSet('k', () => 'old'));
    fleet.settle(cache.getOrSet('tagged', () => 'old', { tags: ['t'] }));
  }
  return fleet;
}

/** Lets the first member order while L2 does not answer it. */
function orderInVain(fleet: Fleet): void {
  const { cache } = fleet.member();
  fleet.failure(cache.delete('k'));
  fleet.failure(cache.invalidate({ tags: ['t'] }));
}

describe('a cache that closes while invalidations are pending', () => {
  test('delivers them as soon as L2 answers again', () => {
    const fleet = readers();
    const { l2 } = fleet.member();
    const blackout = l2.hang();
    orderInVain(fleet);
    const closed = watch(fleet.cache().close());
    fleet.run(1_000);
    expect(closed.state).toBe('pending');
    blackout.lift();
    fleet.run(1_000);
    expect(closed.state).toBe('fulfilled');
    for (const key of ['k', 'tagged']) expect(fleet.settle(fleet.cache(1).get(key))).toBeUndefined();
    expect(lostBy(fleet.member())).toEqual([]);
  });

  test('delivers them as soon as it is connected again', () => {
    const fleet = readers();
    const { l2 } = fleet.member();
    l2.disconnect();
    orderInVain(fleet);
    const closed = watch(fleet.cache().close());
    fleet.run(1_500);
    expect(closed.state).toBe('pending');
    l2.reconnect();
    fleet.run(500);
    expect(closed.state).toBe('fulfilled');
    for (const key of ['k', 'tagged']) expect(fleet.settle(fleet.cache(1).get(key))).toBeUndefined();
  });

  test('delivers them at once where L2 has only refused them before', () => {
    const fleet = readers();
    fleet.member().l2.fail('error', { only: 'invalidate', times: 2 });
    orderInVain(fleet);
    expect(closing(fleet, fleet.member())).toBeLessThan(100);
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeUndefined();
  });

  test('gives up after two seconds, and tells what is lost', () => {
    const fleet = readers();
    const member = fleet.member();
    member.l2.hang();
    orderInVain(fleet);
    fleet.failure(member.cache.namespace('orders').clear());
    expect(closing(fleet, member)).toBeWithin(1_900, 3_300);
    const [error, ...others] = lostBy(member);
    expect(others).toEqual([]);
    expect(error?.lost).toEqual({ count: 3, keys: ['k'], tags: ['t'], patterns: ['orders/*'], all: false });
    expect(error?.message).toBe(
      'The cache was closed before L2 acknowledged 3 invalidations: key "k"; tag "t"; pattern "orders/*". ' +
        'Other instances may serve these entries until their TTL ends',
    );
    expect(member.failures.at(-1)).toMatchObject({ operation: 'close', tier: 'l2', background: true });
  });

  test('does not wait for an L2 that has been away for ten seconds', () => {
    const fleet = readers();
    const member = fleet.member();
    member.l2.disconnect();
    orderInVain(fleet);
    fleet.run(15_000);
    expect(closing(fleet, member)).toBeLessThan(100);
    expect(lostBy(member)).toHaveLength(1);
  });

  test('makes one more attempt where L2 has been silent for ten seconds', () => {
    for (const answers of [true, false]) {
      const fleet = readers({ breaker: { openMs: 60_000, maxOpenMs: 60_000 } });
      const member = fleet.member();
      const silence = member.l2.hang();
      orderInVain(fleet);
      fleet.run(15_000);
      const asked = member.l2.count('heartbeat');
      if (answers) silence.lift();
      expect(closing(fleet, member)).toBeLessThan(1_000);
      expect(member.l2.count('heartbeat')).toBe(asked + 1);
      expect(lostBy(member)).toHaveLength(answers ? 0 : 1);
    }
  });

  test('takes six seconds at most, whatever else it waits for', () => {
    const fleet = readers({ defaults: { hardTimeout: Infinity } });
    const member = fleet.member();
    member.l2.hang();
    orderInVain(fleet);
    const loading = watch(member.cache.getOrSet('hung', () => new Promise<never>(() => undefined)));
    fleet.run(100);
    expect(closing(fleet, member)).toBeLessThan(6_000);
    expect(loading.state).toBe('rejected');
    expect(lostBy(member)).toHaveLength(1);
  });

  test('tells of patterns, which it does not go on sweeping', () => {
    const fleet = readers();
    const member = fleet.member();
    member.l2.fail('denied', { only: 'sweep' });
    fleet.failure(member.cache.invalidate({ pattern: 'k*' }));
    expect(closing(fleet, member)).toBeLessThan(100);
    expect(lostBy(member).map(({ lost }) => lost)).toEqual([
      { count: 1, keys: [], tags: [], patterns: ['k*'], all: false },
    ]);
  });

  test('lists a hundred names at most, and spells out ten', () => {
    const fleet = readers();
    const member = fleet.member();
    member.l2.hang();
    const keys = Array.from({ length: 1_500 }, (_, index) => `key ${index}`);
    fleet.failure(member.cache.invalidate({ keys }));
    closing(fleet, member);
    const [error] = lostBy(member);
    expect(error?.lost.keys).toHaveLength(100);
    expect(error?.message).toContain('one invalidation: keys "key 0", ');
    expect(error?.message).toContain('"key 9" and 1490 more');
  });

  test('loses none that the outbox holds, and tells of those that it does not', () => {
    for (const isAway of [false, true]) {
      const record = isAway && (() => Promise.reject(new Error('the database is away')));
      const weakening = { outbox: (outbox: Outbox) => overriding(outbox, record ? { record } : {}) };
      const fleet = readers({ outbox: true, weakening });
      const member = fleet.member();
      member.l2.hang();
      orderInVain(fleet);
      fleet.run(3_000);
      fleet.settle(member.cache.close());
      expect(lostBy(member)).toHaveLength(isAway ? 1 : 0);
    }
  });
});
