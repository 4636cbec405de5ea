import { describe, expect, test } from 'bun:test';
import type { OutboxRow } from '../../../../src/core/ports/outbox.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions, type Member } from '../../../support/core-fixture.ts';

const fleetOf = (options: FleetOptions = {}): Fleet => new Fleet({ instances: 2, outbox: true, ...options });

/** The value that both members hold in L1. */
function warm(fleet: Fleet, key: string, value: string): void {
  for (const { cache } of fleet.members) fleet.settle(cache.getOrSet(key, () => value));
}

function hold(fleet: Fleet, key: string): unknown[] {
  return fleet.members.map(({ cache }) => cache.peek(key));
}

function leaders(fleet: Fleet): string[] {
  return fleet.members.filter(({ cache }) => cache.health().relay?.leads).map(({ name }) => name);
}

const calls = ({ calls }: Member, operation: string) => calls.filter((call) => call.operation === operation);
const targets = (...ids: string[]) => ({ ids, tags: [] });

describe('the relay', () => {
  test('delivers the commits of other writers, to every instance and to L2, within a few milliseconds', () => {
    const fleet = fleetOf();
    warm(fleet, 'k', 'old');
    fleet.database.commit(targets('k'));
    fleet.run(20);
    expect(hold(fleet, 'k')).toEqual([undefined, undefined]);
    expect(fleet.settle(fleet.cache().get('k'))).toBeUndefined();
    expect(fleet.undelivered()).toEqual([]);
    expect(fleet.members.map(({ cache }) => cache.stats().relayed)).toEqual([1, 0]);
  });

  test('needs no notification: it looks every half second', () => {
    const fleet = fleetOf({ weakening: { outbox: (outbox) => overriding(outbox, { start: () => {} }) } });
    warm(fleet, 'k', 'old');
    fleet.database.commit(targets('k'));
    fleet.run(510);
    expect(hold(fleet, 'k')).toEqual([undefined, undefined]);
  });

  test('ends tags and namespaces, and expires what is to be expired', () => {
    const fleet = fleetOf();
    const load = (): string => 'old';
    const options = { tags: ['t'], staleIfError: '1h' } as const;
    fleet.settle(fleet.cache().namespace('n').getOrSet('k', load, options));
    fleet.settle(fleet.cache().getOrSet('e', load, options));
    fleet.database.commit({ ids: [], tags: ['\u0001n\u0001t'] });
    fleet.database.commit(targets('e'), 'expire');
    fleet.run(20);
    expect(fleet.cache().namespace('n').peek('k')).toBeUndefined();
    const failing = (): never => {
      throw new Error('away');
    };
    expect(fleet.settle(fleet.cache(1).lookup('e', failing, options))).toMatchObject({ value: 'old', state: 'stale' });
  });

  test('leaves a writer its own rows for a second, and what is acknowledged alone', () => {
    const fleet = fleetOf();
    const ticket = fleet.member().outbox?.draw() ?? '';
    fleet.database.commit(targets('k'), 'delete', ticket);
    fleet.settle(fleet.cache().delete('k', { outbox: ticket }));
    fleet.run(3_000);
    expect(fleet.members.map(({ cache }) => cache.stats().relayed)).toEqual([0, 0]);
    expect(calls(fleet.member(), 'invalidate')).toHaveLength(1);
  });

  test('delivers what a writer did not live to tell', () => {
    const fleet = fleetOf();
    warm(fleet, 'k', 'old');
    fleet.database.commit(targets('k'), 'delete', 'of a process that is gone');
    fleet.run(900);
    expect(hold(fleet, 'k')).toEqual(['old', 'old']);
    fleet.run(700);
    expect(hold(fleet, 'k')).toEqual([undefined, undefined]);
  });

  test('tells L2 once of a name that many rows have, and of many names in pieces', () => {
    const fleet = fleetOf();
    fleet.run(400);
    const before = calls(fleet.member(), 'invalidate').length;
    const gate = fleet.hold('request', 'outbox lead');
    for (let row = 0; row < 300; row += 1) fleet.database.commit({ ids: ['k'], tags: [`t${row % 3}`] });
    gate.open();
    fleet.run(1_000);
    expect(calls(fleet.member(), 'invalidate').length - before).toBe(1);
    fleet.database.commit(targets(...Array.from({ length: 2_500 }, (_, index) => `k${index}`)));
    fleet.run(1_000);
    expect(calls(fleet.member(), 'invalidate').length - before).toBe(4);
  });

  test('marks rows only after L2 has acknowledged them, and repeats what it could not deliver', () => {
    const fleet = fleetOf();
    const gate = fleet.hold('reply', 'i0.data invalidate');
    fleet.database.commit(targets('k'));
    fleet.run(100);
    expect(gate.waiting).toBe(1);
    expect(fleet.undelivered()).toHaveLength(1);
    // The reply never comes: after its time is over the same is told again.
    fleet.run(2_000);
    gate.open();
    fleet.run(2_000);
    expect(fleet.undelivered()).toEqual([]);
    expect(calls(fleet.member(), 'invalidate').length).toBeGreaterThan(1);
  });

  test('goes round a name that can be none, and says so', () => {
    const fleet = fleetOf();
    warm(fleet, 'k', 'old');
    fleet.database.commit(targets('', 'x'.repeat(2_000), 'a\nb', 'k'));
    fleet.run(20);
    expect(hold(fleet, 'k')).toEqual([undefined, undefined]);
    expect(fleet.undelivered()).toEqual([]);
    const refused = fleet.member().failures.filter(({ operation }) => operation === 'relay');
    expect(refused.map(({ tier }) => tier)).toEqual(['source', 'source', 'source']);
  });

  test('says once that the database is away, and goes on when it is back', () => {
    const away = { now: false };
    const fleet = fleetOf({
      instances: 1,
      weakening: {
        outbox: (outbox) =>
          overriding(outbox, {
            lead: (cache) => (away.now ? Promise.reject(new Error('The database is away')) : outbox.lead(cache)),
          }),
      },
    });
    away.now = true;
    fleet.run(10_000);
    expect(fleet.cache().health().relay).toMatchObject({ healthy: false });
    expect(fleet.member().failures.filter(({ operation }) => operation === 'relay')).toHaveLength(1);
    fleet.database.commit(targets('k'));
    away.now = false;
    fleet.run(2_100);
    expect(fleet.cache().health().relay).toEqual({ healthy: true, leads: true, lagMs: expect.any(Number) });
    expect(fleet.undelivered()).toEqual([]);
  });

  test('tells others even where an operator keeps callers away from L2', () => {
    const fleet = fleetOf();
    warm(fleet, 'k', 'old');
    for (const { cache } of fleet.members) cache.forceBreaker('l2', 'open');
    fleet.run(5_000);
    fleet.database.commit(targets('k'));
    fleet.run(600);
    expect(hold(fleet, 'k')).toEqual([undefined, undefined]);
    expect(fleet.undelivered()).toEqual([]);
    for (const { cache } of fleet.members) cache.forceBreaker('l2', 'auto');
    expect(fleet.settle(fleet.cache().lookup('k', () => 'new'))).toMatchObject({ value: 'new', tier: 'source' });
  });

  test('tells others even where L2 answers too late for callers: L1 is proven by such answers all the same', () => {
    const fleet = fleetOf();
    warm(fleet, 'k', 'old');
    const gate = fleet.hold('request', 'acquire');
    for (const { l2 } of fleet.members) l2.delay(80, { only: 'heartbeat', stage: 'reply' });
    for (const { cache } of fleet.members)
      for (let call = 0; call < 5; call += 1) fleet.settle(cache.getOrSet(`k${call}`, () => 1));
    gate.open();
    fleet.run(2_000);
    for (const { cache } of fleet.members)
      expect(cache.health()).toMatchObject({ l1: { suspended: false }, l2: { healthy: false } });
    fleet.database.commit(targets('k'));
    fleet.run(600);
    expect(hold(fleet, 'k')).toEqual([undefined, undefined]);
  });

  test('cleans L1 itself where there is no bus', () => {
    const fleet = fleetOf({ instances: 1, tiers: 'l1+l2' });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.database.commit(targets('k'));
    fleet.run(20);
    expect(fleet.cache().peek('k')).toBeUndefined();
  });

  test('holds one page of what is pending, however much that is', () => {
    let most = 0;
    const fleet = fleetOf({
      instances: 1,
      weakening: {
        outbox: (outbox) =>
          overriding(outbox, {
            undelivered: async (which): Promise<readonly OutboxRow[]> => {
              const rows = await outbox.undelivered(which);
              most = Math.max(most, rows.length);
              return rows;
            },
          }),
      },
    });
    const gate = fleet.hold('request', 'outbox lead');
    fleet.run(1_000);
    for (let row = 0; row < 5_000; row += 1) fleet.database.commit(targets(`k${row % 100}`));
    gate.open();
    fleet.run(3_000);
    expect(fleet.undelivered()).toEqual([]);
    expect(most).toBe(500);
  });
});

describe('the lead', () => {
  test('is one instance’s', () => {
    expect(leaders(fleetOf({ instances: 4 }))).toHaveLength(1);
  });

  test('passes to another when its holder stands still, and is not taken back', () => {
    const fleet = fleetOf();
    const [first = ''] = leaders(fleet);
    const stopped = fleet.members.find(({ name }) => name === first);
    if (stopped === undefined) throw new Error('Nobody leads');
    stopped.host.pausedUntil = fleet.time.now + 10_000;
    fleet.database.commit(targets('k'));
    fleet.run(2_300);
    expect(fleet.undelivered()).toEqual([]);
    fleet.run(10_000);
    expect(leaders(fleet)).toHaveLength(1);
    expect(leaders(fleet)).not.toEqual([first]);
  });

  test('is given up by who cannot reach L2, and taken by who can', () => {
    const fleet = fleetOf();
    expect(leaders(fleet)).toEqual(['i0']);
    fleet.member(0).tier.disconnect();
    fleet.database.commit(targets('k'));
    fleet.run(5_000);
    expect(leaders(fleet)).toEqual(['i1']);
    expect(fleet.undelivered()).toEqual([]);
  });
});

test('closing waits for the delivery under way and gives the lead away', () => {
  const fleet = fleetOf();
  const gate = fleet.hold('reply', 'i0 outbox settle');
  fleet.database.commit(targets('k'));
  fleet.run(20);
  let isClosed = false;
  fleet
    .cache()
    .close()
    .then(() => {
      isClosed = true;
    });
  fleet.run(100);
  expect([gate.waiting, isClosed]).toEqual([1, false]);
  gate.open();
  fleet.run(100);
  expect(isClosed).toBe(true);
  fleet.run(600);
  expect(fleet.cache(1).health().relay?.leads).toBe(true);
});
