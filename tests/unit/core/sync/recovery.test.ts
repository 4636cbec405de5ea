import { describe, expect, test } from 'bun:test';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';

const targets = (...ids: string[]) => ({ ids, tags: [] });
const fleetOf = (options: FleetOptions = {}): Fleet => new Fleet({ instances: 2, outbox: true, ...options });

function isUsed(fleet: Fleet): boolean[] {
  return fleet.members.map(({ cache }) => cache.health().l2?.healthy === true);
}

/** Everybody loses L2 for so long; its run goes on. */
function cutOff(fleet: Fleet, ms: number): void {
  for (const { tier, bus } of fleet.members) {
    tier.disconnect();
    bus.disconnect();
  }
  fleet.run(ms);
  for (const { tier, bus } of fleet.members) {
    tier.reconnect();
    bus.reconnect();
  }
}

describe('another history', () => {
  test('is believed again, warm, without what was committed since', () => {
    const fleet = fleetOf();
    fleet.settle(fleet.cache().getOrSet('kept', () => 'kept'));
    fleet.settle(fleet.cache().getOrSet('changed', () => 'old'));
    fleet.run(600);
    const snapshot = fleet.server.snapshot();
    fleet.database.commit(targets('changed'));
    fleet.run(100);
    expect(fleet.settle(fleet.cache(1).get('changed'))).toBeUndefined();
    fleet.server.restart({ from: snapshot });
    fleet.run(500);
    expect(isUsed(fleet)).toEqual([true, true]);
    expect(fleet.settle(fleet.cache(1).get<string>('kept'))).toBe('kept');
    expect(fleet.settle(fleet.cache(1).get('changed'))).toBeUndefined();
  });

  test('forgets an invalidation without a change of a row no more than others', () => {
    const fleet = fleetOf();
    for (const key of ['k', 'l', 'a:1']) fleet.settle(fleet.cache().getOrSet(key, () => 'old', { tags: ['t'] }));
    fleet.settle(fleet.cache().set('s', 'first'));
    fleet.run(600);
    const snapshot = fleet.server.snapshot();
    fleet.settle(fleet.cache().delete('k'));
    fleet.settle(fleet.cache().set('s', 'second'));
    fleet.run(100);
    fleet.server.restart({ from: snapshot });
    fleet.run(500);
    const read = (key: string) => fleet.settle(fleet.cache(1).get<string>(key));
    expect([read('k'), read('s'), read('l')]).toEqual([undefined, undefined, 'old']);
  });

  test('is not missed by a mark that is written between two looks', () => {
    const fleet = fleetOf();
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(600);
    const snapshot = fleet.server.snapshot();
    const ticket = fleet.member(1).outbox?.draw() ?? '';
    fleet.database.commit(targets('k'), 'delete', ticket);
    const mark = fleet.hold('request', 'i1 outbox acknowledge');
    fleet.settle(fleet.cache(1).delete('k', { outbox: ticket }));
    const redelivery = fleet.hold('reply', 'i0 outbox delivered');
    fleet.server.restart({ from: snapshot });
    fleet.run(200);
    mark.open();
    fleet.run(10);
    redelivery.open();
    fleet.run(500);
    expect(isUsed(fleet)).toEqual([true, true]);
    expect(fleet.settle(fleet.cache(0).get('k'))).toBeUndefined();
  });

  test('that a server has told before has missed what another one was told meanwhile', () => {
    const fleet = fleetOf();
    const former = fleet.server.epoch;
    for (const key of ['k', 'l']) fleet.settle(fleet.cache().getOrSet(key, () => 'old'));
    fleet.run(600);
    fleet.server.restart({ from: fleet.server.snapshot() });
    fleet.run(600);
    // It follows the new master by now, and does not receive the last of it.
    const replica = fleet.server.snapshot();
    fleet.database.commit(targets('k'));
    fleet.run(100);
    fleet.server.restart({ from: replica, epoch: former });
    fleet.run(600);
    expect(isUsed(fleet)).toEqual([true, true]);
    const read = (key: string) => fleet.settle(fleet.cache(1).get<string>(key));
    expect([read('k'), read('l')]).toEqual([undefined, 'old']);
  });

  test('a pattern in it is its whole namespace', () => {
    const fleet = fleetOf();
    const space = fleet.cache().namespace('n');
    for (const key of ['a:1', 'b:1']) fleet.settle(space.getOrSet(key, () => 'old'));
    fleet.settle(fleet.cache().getOrSet('a:1', () => 'kept'));
    fleet.run(600);
    const snapshot = fleet.server.snapshot();
    fleet.settle(space.invalidate({ pattern: 'a:*' }));
    fleet.server.restart({ from: snapshot });
    fleet.run(500);
    const elsewhere = fleet.cache(1);
    expect(fleet.settle(elsewhere.namespace('n').get('b:1'))).toBeUndefined();
    expect(fleet.settle(elsewhere.get<string>('a:1'))).toBe('kept');
  });

  test('is cold when more may be missing than the outbox remembers', () => {
    const fleet = fleetOf();
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(600);
    const snapshot = fleet.server.snapshot();
    fleet.run(9.5 * 60_000);
    fleet.server.restart({ from: snapshot });
    fleet.run(500);
    expect(isUsed(fleet)).toEqual([true, true]);
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeUndefined();
  });

  test('is cold, and agreed, when no instance repairs it for five seconds', () => {
    const fleet = fleetOf({
      weakening: { outbox: (outbox) => overriding(outbox, { lead: () => Promise.reject(new Error('away')) }) },
      warm: false,
    });
    fleet.run(4_000);
    expect(isUsed(fleet)).toEqual([false, false]);
    fleet.run(1_500);
    expect(isUsed(fleet)).toEqual([true, true]);
    fleet.settle(fleet.cache().set('k', 'v'));
    fleet.run(10);
    expect(fleet.settle(fleet.cache(1).get<string>('k'))).toBe('v');
  });

  test('that is being repaired answers no read, and delays none', () => {
    const fleet = fleetOf();
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    const gate = fleet.hold('request', 'outbox delivered');
    fleet.server.restart({ keepData: true });
    fleet.run(1_000);
    expect(gate.waiting).toBe(1);
    const lookup = fleet.settle(fleet.cache(1).lookup('k', () => 'loaded'));
    expect(lookup).toMatchObject({ value: 'loaded', tier: 'source', steps: { l2: { reason: 'untrusted' } } });
    gate.open();
    fleet.run(1_000);
    expect(isUsed(fleet)).toEqual([true, true]);
  });

  test('a repair that took too long is followed by another pass', () => {
    const fleet = fleetOf({ instances: 1 });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.settle(fleet.cache().getOrSet('l', () => 'old'));
    fleet.run(600);
    const gate = fleet.hold('reply', 'outbox undelivered');
    fleet.server.restart({ keepData: true });
    fleet.run(3_000);
    expect(gate.waiting).toBe(1);
    // Committed since that pass looked: what it brings may not be believed any more.
    fleet.database.commit(targets('k'));
    gate.open();
    fleet.run(500);
    expect(isUsed(fleet)).toEqual([true]);
    const read = (key: string) => fleet.settle(fleet.cache().get<string>(key));
    expect([read('k'), read('l')]).toEqual([undefined, 'old']);
  });
});

test('an invalidation by pattern under a ticket leaves the relay what the pattern has not met', () => {
  const fleet = fleetOf();
  for (const key of ['product:1', 'bom:1']) fleet.settle(fleet.cache(1).getOrSet(key, () => 'old'));
  const ticket = fleet.member(0).outbox?.draw() ?? '';
  fleet.database.commit(targets('product:1', 'bom:1'), 'delete', ticket);
  fleet.settle(fleet.cache(0).invalidate({ pattern: 'product:*' }, { outbox: ticket }));
  fleet.run(2_000);
  expect(fleet.settle(fleet.cache(1).get('bom:1'))).toBeUndefined();
});

describe('an outage', () => {
  test('ends with a pass that began after the return, and its mark', () => {
    const fleet = fleetOf();
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    cutOff(fleet, 2_000);
    // Of a writer who is gone, and whose second is not over.
    fleet.database.commit(targets('k'), 'delete', 'gone');
    const gate = fleet.hold('request', 'leaveMark');
    fleet.run(300);
    expect(isUsed(fleet)).toEqual([false, false]);
    fleet.run(1_000);
    expect(isUsed(fleet)).toEqual([false, false]);
    gate.open();
    fleet.run(300);
    expect(isUsed(fleet)).toEqual([true, true]);
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeUndefined();
  });

  test('shorter than D needs no mark', () => {
    const fleet = fleetOf();
    const gate = fleet.hold('request', 'leaveMark');
    cutOff(fleet, 700);
    fleet.run(300);
    expect([isUsed(fleet), gate.waiting]).toEqual([[true, true], 0]);
  });

  test('of one instance is nothing to the others', () => {
    const fleet = fleetOf();
    const { tier, bus } = fleet.member(1);
    tier.disconnect();
    bus.disconnect();
    fleet.run(3_000);
    const gate = fleet.hold('request', 'leaveMark');
    tier.reconnect();
    bus.reconnect();
    fleet.run(1_300);
    expect([isUsed(fleet), gate.waiting > 0]).toEqual([[true, false], true]);
    gate.open();
    fleet.run(300);
    expect(isUsed(fleet)).toEqual([true, true]);
  });

  test('that no instance repairs takes nothing from the instances that have missed nothing', () => {
    const away = { now: false };
    const lead = (): Promise<never> => Promise.reject(new Error('away'));
    const fleet = fleetOf({
      weakening: {
        outbox: (outbox) => overriding(outbox, { lead: (cache) => (away.now ? lead() : outbox.lead(cache)) }),
      },
    });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    away.now = true;
    const { tier, bus } = fleet.member(1);
    tier.disconnect();
    bus.disconnect();
    fleet.run(2_000);
    tier.reconnect();
    bus.reconnect();
    fleet.run(20_000);
    expect(isUsed(fleet)).toEqual([true, false]);
    expect(fleet.cache(0).peek<string>('k')).toBe('old');
    away.now = false;
    fleet.run(3_000);
    expect(isUsed(fleet)).toEqual([true, true]);
    expect(fleet.settle(fleet.cache(1).get<string>('k'))).toBe('old');
  });

  test('is over for an instance that asks again after the record of marks was evicted', () => {
    const fleet = fleetOf();
    cutOff(fleet, 2_000);
    const gate = fleet.hold('request', 'leaveMark');
    fleet.run(100);
    expect(isUsed(fleet)).toEqual([false, false]);
    for (const name of fleet.server.names()) if (name === 'note marks') fleet.server.evict(name);
    gate.open();
    fleet.run(1_100);
    expect(isUsed(fleet)).toEqual([true, true]);
  });

  test('does not hold up what is owed: it is told before anything is read', () => {
    const fleet = fleetOf();
    for (const { tier, bus } of fleet.members) {
      tier.disconnect();
      bus.disconnect();
    }
    fleet.run(2_000);
    expect(fleet.failure(fleet.cache().delete('k'))).toMatchObject({ code: 'INVALIDATION_PENDING' });
    const gate = fleet.hold('request', 'leaveMark');
    for (const { tier, bus } of fleet.members) {
      tier.reconnect();
      bus.reconnect();
    }
    fleet.run(100);
    expect(fleet.cache().health().pending).toEqual({ keys: 0, tags: 0, patterns: 0, all: false, outbox: false });
    expect(isUsed(fleet)).toEqual([false, false]);
    gate.open();
  });
});

test('instances with an outbox do not rest: one of them must notice an instance that comes back', () => {
  const fleet = fleetOf({ instances: 1 });
  fleet.run(60_000);
  expect(fleet.cache().health()).toMatchObject({ l1: { suspended: false }, relay: { leads: true } });
});
