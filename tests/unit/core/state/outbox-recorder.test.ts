import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { ROOT_TAG } from '../../../../src/core/model/key.ts';
import type { Outbox, OutboxOrder } from '../../../../src/core/ports/outbox.ts';
import { InvalidationPendingError } from '../../../../src/index.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';

setDefaultTimeout(30_000);

/** Decides what becomes of each statement that writes orders. */
type Rule = (orders: readonly OutboxOrder[]) => 'written' | 'refused' | 'hung';

function fleetOf(rule: { now: Rule }, options: FleetOptions = {}) {
  const statements: (readonly OutboxOrder[])[] = [];
  const fleet = new Fleet({
    outbox: true,
    ...options,
    weakening: {
      outbox: (outbox) =>
        overriding<Outbox>(outbox, {
          record: (orders) => {
            statements.push(orders);
            switch (rule.now(orders)) {
              case 'written':
                return outbox.record(orders);
              case 'refused':
                return Promise.reject(new Error('The database refuses'));
              case 'hung':
                return new Promise(() => {});
            }
          },
        }),
    },
  });
  return { fleet, statements };
}

const written: Rule = () => 'written';
const refused: Rule = () => 'refused';
const namesIn = (orders: readonly OutboxOrder[]): string[] => orders.flatMap(({ targets }) => targets.ids);
const recordFailures = (fleet: Fleet) => fleet.member().failures.filter(({ operation }) => operation === 'record');

describe('invalidations that follow no change of a row', () => {
  test('share statements: 3,000 deletes of one turn take three', () => {
    const { fleet, statements } = fleetOf({ now: written });
    const keys = Array.from({ length: 3_000 }, (_, index) => `k${index}`);
    fleet.settle(Promise.all(keys.map((key) => fleet.cache().delete(key))));
    expect(statements.map((orders) => orders.length)).toEqual([1_000, 1_000, 1_000]);
    expect(namesIn(statements.flat())).toEqual(keys);
    // Each is marked by the next heartbeat, before the relay would take it.
    fleet.run(900);
    expect(fleet.undelivered()).toEqual([]);
    expect(fleet.cache().stats().relayed).toBe(0);
  });

  test('gather while a statement is under way', () => {
    const { fleet, statements } = fleetOf({ now: written });
    const gate = fleet.hold('request', 'outbox record');
    const deletes = [fleet.cache().delete('a')];
    fleet.run(5);
    for (const key of ['b', 'c', 'd']) {
      deletes.push(fleet.cache().delete(key));
      fleet.run(5);
    }
    gate.open();
    fleet.settle(Promise.all(deletes));
    expect(statements.map(namesIn)).toEqual([['a'], ['b', 'c', 'd']]);
  });

  test('survive one failure of the database without a word to their callers', () => {
    let attempts = 0;
    const { fleet } = fleetOf({ now: () => (++attempts === 1 ? 'refused' : 'written') });
    fleet.settle(fleet.cache().delete('k'));
    expect(attempts).toBe(2);
    expect(recordFailures(fleet)).toEqual([]);
  });

  test('that the database refuses do not keep their neighbours out', () => {
    const { fleet } = fleetOf({ now: (orders) => (namesIn(orders).includes('poison') ? 'refused' : 'written') });
    const keys = Array.from({ length: 50 }, (_, index) => (index === 20 ? 'poison' : `k${index}`));
    fleet.settle(Promise.allSettled(keys.map((key) => fleet.cache().delete(key))));
    fleet.run(20_000);
    const recorded = fleet.database.beyond(0).flatMap(({ targets }) => targets.ids);
    expect(recorded.toSorted()).toEqual(keys.filter((key) => key !== 'poison').toSorted());
    expect(fleet.cache().health().pending).toMatchObject({ keys: 1, outbox: true });
  });
});

describe('an order that L2 has acknowledged and the outbox has not', () => {
  test('rejects and says so, is kept, and is written as soon as the database answers', () => {
    const rule = { now: refused };
    const { fleet } = fleetOf(rule);
    const error = fleet.failure(fleet.cache().delete('k'));
    expect(error).toBeInstanceOf(InvalidationPendingError);
    expect(error).toMatchObject({
      message: 'The invalidation did not reach the outbox. It is queued and written when the database answers.',
      tier: 'source',
      outbox: true,
      pending: { keys: 1, tags: 0, patterns: 0, all: false, outbox: true },
      cause: new Error('The database refuses'),
    });
    expect(fleet.member().events).toContainEqual({
      type: 'invalidation_pending',
      keys: 1,
      tags: 0,
      all: false,
      outbox: true,
    });
    fleet.settle(fleet.cache().delete('more', { onPending: 'resolve' }));
    expect(fleet.cache().health().pending).toMatchObject({ keys: 2, outbox: true });
    // The outage is said once.
    expect(recordFailures(fleet)).toHaveLength(1);

    rule.now = written;
    fleet.run(510);
    expect(fleet.database.beyond(0).flatMap(({ targets }) => targets.ids)).toEqual(['k', 'more']);
    expect(fleet.cache().health().pending).toEqual({ keys: 0, tags: 0, patterns: 0, all: false, outbox: false });
    expect(fleet.member().events.at(-1)).toEqual({ type: 'invalidation_delivered' });
    fleet.run(3_000);
    expect(fleet.undelivered()).toEqual([]);
    expect(fleet.cache().stats().relayed).toBe(0);
  });

  test('shadows nothing: L2 goes on answering for its key', () => {
    const { fleet } = fleetOf({ now: refused }, { instances: 2 });
    fleet.failure(fleet.cache(0).delete('k'));
    fleet.settle(fleet.cache(1).getOrSet('k', () => 'new'));
    expect(fleet.settle(fleet.cache(0).lookup('k', () => 'not asked'))).toMatchObject({ value: 'new', tier: 'l2' });
  });

  test('shadows nothing while its caller still waits for the outbox', () => {
    const { fleet } = fleetOf({ now: () => 'hung' }, { instances: 2 });
    const deleting = fleet.cache(0).delete('k');
    fleet.run(5);
    fleet.settle(fleet.cache(1).getOrSet('k', () => 'new'));
    expect(fleet.settle(fleet.cache(0).lookup('k', () => 'not asked'))).toMatchObject({ value: 'new', tier: 'l2' });
    const before = fleet.time.now;
    expect(fleet.failure(deleting)).toMatchObject({ code: 'INVALIDATION_PENDING', outbox: true });
    expect(fleet.time.now - before).toBeLessThan(1_100);
  });

  test('does not hold up the next ones while the database is known to be away', () => {
    const { fleet } = fleetOf({ now: refused });
    fleet.failure(fleet.cache().delete('first'));
    const before = fleet.time.now;
    fleet.failure(fleet.cache().delete('next'));
    expect(fleet.time.now - before).toBeLessThan(10);
  });

  test('is of a set: its value is served, and set answers false', () => {
    const rule = { now: refused };
    const { fleet } = fleetOf(rule);
    expect(fleet.settle(fleet.cache().set('k', 'new'))).toBe(false);
    expect(fleet.settle(fleet.cache().setMany([['m', 'new']]))).toEqual([false]);
    expect(fleet.settle(fleet.cache().get<string>('k'))).toBe('new');
    expect(fleet.cache().health().pending).toMatchObject({ keys: 2, outbox: true });
    rule.now = written;
    fleet.run(510);
    expect(fleet.settle(fleet.cache().set('k', 'newer'))).toBe(true);
    expect(fleet.cache().health().pending).toMatchObject({ keys: 0, outbox: false });
  });

  test('becomes one for everything beyond 10,000 names', () => {
    const rule = { now: refused };
    const { fleet } = fleetOf(rule);
    const options = { onPending: 'resolve' } as const;
    for (let part = 0; part < 4; part += 1) {
      const keys = Array.from({ length: 3_000 }, (_, index) => `k${part}-${index}`);
      fleet.settle(fleet.cache().deleteMany(keys, options));
    }
    expect(fleet.cache().health().pending).toMatchObject({ keys: 0, all: true, outbox: true });
    rule.now = written;
    fleet.run(1_000);
    expect(fleet.database.beyond(0).map(({ targets }) => targets)).toEqual([{ ids: [], tags: [ROOT_TAG] }]);
    expect(fleet.cache().health().pending).toMatchObject({ all: false, outbox: false });
  });

  test('is written at the latest when the cache is closed', () => {
    const rule = { now: refused };
    const { fleet } = fleetOf(rule);
    fleet.failure(fleet.cache().delete('k'));
    rule.now = written;
    fleet.settle(fleet.cache().close());
    expect(fleet.database.beyond(0).flatMap(({ targets }) => targets.ids)).toEqual(['k']);
  });

  test('that cannot be written by then is told to onError, and closing takes no longer than two seconds', () => {
    const rule = { now: refused };
    const { fleet } = fleetOf(rule);
    fleet.failure(fleet.cache().delete('k'));
    rule.now = () => 'hung';
    fleet.run(510);
    const before = fleet.time.now;
    fleet.settle(fleet.cache().close());
    expect(fleet.time.now - before).toBeLessThan(2_200);
    expect(recordFailures(fleet)).toHaveLength(2);
  });
});

describe('race 41, Redis comes back from an older save and the outbox lacks an order that L2 had acknowledged', () => {
  const READ = { ttl: '1h' } as const;

  /** Both members hold the old value, Redis has saved it, and one of them has deleted it since. */
  function resurrecting(rule: { now: Rule }): { readonly fleet: Fleet; readonly restore: () => void } {
    const { fleet } = fleetOf(rule, { instances: 2 });
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', () => 'old', READ));
    const saved = fleet.server.snapshot();
    return { fleet, restore: () => fleet.server.restart({ from: saved }) };
  }

  test('the order is told once more to the new history, though the outbox still cannot take it', () => {
    const rule = { now: refused };
    const { fleet, restore } = resurrecting(rule);
    fleet.failure(fleet.cache(0).delete('k'));
    restore();
    fleet.run(2_000);
    for (const { cache } of fleet.members) expect(fleet.settle(cache.getOrSet('k', () => 'new', READ))).toBe('new');
  });

  test('a row that was committed only after the repair does not count as delivered', () => {
    const rule = { now: written };
    const { fleet, restore } = resurrecting(rule);
    const gate = fleet.hold('request', 'i0 outbox record');
    const deleting = fleet.cache(0).delete('k');
    fleet.run(20);
    restore();
    fleet.run(700);
    gate.open();
    fleet.settle(deleting);
    fleet.run(1_500);
    for (const { cache } of fleet.members) expect(fleet.settle(cache.getOrSet('k', () => 'new', READ))).toBe('new');
    expect(fleet.undelivered()).toEqual([]);
  });
});
