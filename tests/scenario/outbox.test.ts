import { describe, expect } from 'bun:test';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import type { Weakening } from '../simulation/world.ts';
import type { Fleet, Member } from '../support/core-fixture.ts';
import { Row, race, rule } from './race.ts';

const WITH_OUTBOX = { instances: 2, outbox: true } as const;
const K = { ids: ['k'], tags: [] };

const NO_RELAY: Readonly<Record<string, Weakening>> = {
  'no instance that looks into the outbox': { outbox: (outbox) => overriding(outbox, { undelivered: async () => [] }) },
};

function cut({ tier, bus }: Member): void {
  tier.disconnect();
  bus.disconnect();
}

function restore({ tier, bus }: Member): void {
  tier.reconnect();
  bus.reconnect();
}

/** Everybody has the row, in L1 and in L2. */
function warm(fleet: Fleet, row: Row, tags: readonly string[] = []): void {
  for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('k', row.read, { tags }));
}

describe('a change that no instance announces', () => {
  race('race 5, its writer dies between commit and invalidation', NO_RELAY, (start) => {
    const fleet = start(WITH_OUTBOX);
    const row = new Row();
    warm(fleet, row);
    row.value = 'new';
    fleet.database.commit(K, 'delete', 'of a process that is gone');
    fleet.run(2_500);
    return fleet.settle(fleet.cache(1).getOrSet('k', row.read));
  });

  race('race 27, TRUNCATE from psql names no row', NO_RELAY, (start) => {
    const fleet = start(WITH_OUTBOX);
    const row = new Row();
    warm(fleet, row, ['books']);
    row.value = 'new';
    fleet.database.commit({ ids: [], tags: ['books'] });
    fleet.run(600);
    return fleet.settle(fleet.cache(1).getOrSet('k', row.read));
  });
});

describe('data from before', () => {
  const WITHOUT_REPAIR = rule('a repair that knows only undelivered changes');

  race('race 9, a replica is promoted that has not received the invalidation', WITHOUT_REPAIR, (start) => {
    const fleet = start(WITH_OUTBOX);
    const row = new Row();
    warm(fleet, row);
    const replica = fleet.server.snapshot();
    row.value = 'new';
    const ticket = fleet.member(1).outbox?.draw() ?? '';
    fleet.database.commit(K, 'delete', ticket);
    fleet.settle(fleet.cache(1).delete('k', { outbox: ticket }));
    fleet.run(100);
    fleet.server.restart({ from: replica });
    fleet.run(700);
    expect(fleet.cache(0).health().l2?.healthy).toBe(true);
    return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
  });

  race('race 11, an old snapshot brings the value back, the counter and the lease', WITHOUT_REPAIR, (start) => {
    const fleet = start(WITH_OUTBOX);
    const row = new Row();
    warm(fleet, row);
    const saved = fleet.server.snapshot();
    row.value = 'new';
    fleet.database.commit(K);
    fleet.run(100);
    // As many invalidations again as the counter went back: the numbers look as if nothing had happened.
    fleet.server.restart({ from: saved });
    for (const other of ['a', 'b']) fleet.database.commit({ ids: [other], tags: [] });
    fleet.run(700);
    return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
  });
});

describe('a return after an outage', () => {
  race(
    'race 20, a write while all were cut off, and another instance is back first',
    rule('an outage that ends without a mark'),
    (start) => {
      const fleet = start(WITH_OUTBOX);
      const row = new Row();
      warm(fleet, row);
      fleet.members.forEach(cut);
      fleet.run(1_900);
      row.value = 'new';
      const ticket = fleet.member(1).outbox?.draw() ?? '';
      fleet.database.commit(K, 'delete', ticket);
      expect(fleet.failure(fleet.cache(1).delete('k', { outbox: ticket }))).toMatchObject({
        code: 'INVALIDATION_PENDING',
      });
      restore(fleet.member(0));
      fleet.run(1_100);
      return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
    },
  );

  race(
    'race 35, the mark of an earlier return is left after a second outage',
    rule('any mark, also one of an earlier return'),
    (start) => {
      const fleet = start(WITH_OUTBOX);
      const row = new Row();
      const [leader, reader] = [fleet.member(0), fleet.member(1)];
      expect(leader.cache.health().relay?.leads).toBe(true);
      warm(fleet, row);
      cut(reader);
      fleet.run(2_000);
      const mark = fleet.hold('request', 'i0.data leaveMark');
      restore(reader);
      fleet.run(300);
      expect(mark.waiting).toBeGreaterThan(0);
      cut(reader);
      fleet.run(2_000);
      row.value = 'new';
      fleet.database.commit(K, 'delete', 'of a process that is gone');
      // The next pass has not come so far yet.
      fleet.hold('request', 'i0 outbox undelivered');
      mark.open();
      restore(reader);
      fleet.run(1_100);
      return fleet.settle(reader.cache.getOrSet('k', row.read));
    },
  );
});
