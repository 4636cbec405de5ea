import { describe, expect, test } from 'bun:test';
import { EVERYTHING } from '../../../../src/core/model/invalidation.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';

const targets = (...ids: string[]) => ({ ids, tags: [] });
const fleetOf = (options: FleetOptions = {}): Fleet =>
  new Fleet({ instances: 2, tiers: 'l1', outbox: true, ...options });

function warm(fleet: Fleet, key: string): void {
  for (const { cache } of fleet.members) fleet.settle(cache.getOrSet(key, () => 'old'));
}

describe('without an L2, an instance that follows the outbox', () => {
  test('drops what others have changed', () => {
    const fleet = fleetOf();
    warm(fleet, 'k');
    fleet.database.commit(targets('k'));
    fleet.run(20);
    expect(fleet.members.map(({ cache }) => cache.peek('k'))).toEqual([undefined, undefined]);
    expect(fleet.member().events).toContainEqual({ type: 'invalidated', targets: targets('k'), origin: 'elsewhere' });
  });

  test('hears of another instance’s invalidation, which is its own business there', () => {
    const fleet = fleetOf();
    warm(fleet, 'k');
    fleet.settle(fleet.cache(0).delete('k'));
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'new'));
    fleet.run(600);
    expect(fleet.members.map(({ cache }) => cache.peek<string>('k'))).toEqual(['new', undefined]);
  });

  test('keeps a load that was under way from storing what has changed meanwhile', () => {
    const fleet = fleetOf({ instances: 1 });
    const { promise, resolve } = Promise.withResolvers<string>();
    const reading = fleet.cache().getOrSet('k', () => promise);
    fleet.run(10);
    fleet.database.commit(targets('k'));
    fleet.run(20);
    resolve('old');
    expect(fleet.settle(reading)).toBe('old');
    expect(fleet.cache().peek('k')).toBeUndefined();
  });

  test('does not answer from L1 once it has not looked for longer than D', () => {
    const away = { now: false };
    const fleet = fleetOf({
      instances: 1,
      weakening: {
        outbox: (outbox) =>
          overriding(outbox, {
            follow: (cursor) => (away.now ? Promise.reject(new Error('away')) : outbox.follow(cursor)),
          }),
      },
    });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(3_000);
    expect(fleet.cache().peek<string>('k')).toBe('old');
    away.now = true;
    fleet.run(2_000);
    expect(fleet.cache().peek('k')).toBeUndefined();
    expect(fleet.cache().health()).toMatchObject({ l1: { suspended: true }, follower: { healthy: false } });
    expect(fleet.member().failures.filter(({ operation }) => operation === 'follow')).toHaveLength(1);
    // What is there is old for all anybody knows, and serves if nothing better can be had.
    const failing = (): never => {
      throw new Error('away too');
    };
    const options = { staleIfError: '1h' } as const;
    expect(fleet.failure(fleet.cache().lookup('k', failing, options))).toMatchObject({ message: 'away too' });
    away.now = false;
    fleet.run(600);
    expect(fleet.cache().peek<string>('k')).toBe('old');
  });

  test('begins with nothing: what was loaded before its first look may be of before', () => {
    const fleet = fleetOf({ instances: 1, warm: false });
    const gate = fleet.hold('request', 'outbox follow');
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    gate.open();
    fleet.run(100);
    expect(fleet.cache().peek('k')).toBeUndefined();
  });

  test('drops everything when there is too much to be named', () => {
    const fleet = fleetOf();
    warm(fleet, 'k');
    const gate = fleet.hold('request', 'outbox follow');
    for (let row = 0; row < 1_001; row += 1) fleet.database.commit(targets(`other${row}`));
    fleet.run(100);
    gate.open();
    fleet.run(600);
    expect(fleet.members.map(({ cache }) => cache.peek('k'))).toEqual([undefined, undefined]);
    expect(fleet.member().events).toContainEqual({ type: 'invalidated', targets: EVERYTHING, origin: 'elsewhere' });
  });

  test('keeps an invalidation that cannot be written down, and writes it as soon as it can', () => {
    const away = { now: false };
    const fleet = fleetOf({
      weakening: {
        outbox: (outbox) =>
          overriding(outbox, {
            record: (...given) => (away.now ? Promise.reject(new Error('away')) : outbox.record(...given)),
          }),
      },
    });
    warm(fleet, 'k');
    away.now = true;
    expect(fleet.failure(fleet.cache().delete('k'))).toMatchObject({ code: 'INVALIDATION_PENDING' });
    // Here it has taken effect; elsewhere nobody can know of it.
    expect(fleet.members.map(({ cache }) => cache.peek<string>('k'))).toEqual([undefined, 'old']);
    away.now = false;
    fleet.run(1_100);
    expect(fleet.cache(1).peek('k')).toBeUndefined();
    expect(fleet.cache().health().pending).toEqual({ keys: 0, tags: 0, patterns: 0, all: false, outbox: false });
  });
});
