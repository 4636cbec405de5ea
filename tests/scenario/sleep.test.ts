import { describe, expect, test } from 'bun:test';
import { Fleet } from '../support/core-fixture.ts';
import { Row, race, rule } from './race.ts';

const MINUTE = 60_000;
const WITNESS = 'no second witness: a proof ages by the monotonic clock alone';

/** Puts the host of a member to sleep, and lets it wake. */
function sleep(fleet: Fleet, ms: number, index = 0): void {
  fleet.member(index).host.sleep(fleet.time.now, ms);
  // What is asked in the first tenth of a millisecond may still be answered as before.
  fleet.run(ms + 0.2);
}

describe('a host that sleeps', () => {
  race('race 46, what others change meanwhile', rule(WITNESS), (start) => {
    const fleet = start({ instances: 2 });
    const row = new Row();
    fleet.settle(fleet.cache(0).getOrSet('k', row.read));
    // The connection died meanwhile, which is noticed later.
    fleet.hold('message', 'i0.bus');
    fleet.member(0).host.sleep(fleet.time.now, 10 * MINUTE);
    row.value = 'new';
    fleet.settle(fleet.cache(1).delete('k'));
    fleet.run(10 * MINUTE);
    return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
  });

  race('race 46, a value that was loaded a moment before', rule(WITNESS), (start) => {
    const fleet = start({ instances: 2 });
    const row = new Row();
    fleet.member(0).bus.disconnect();
    fleet.run(3_000);
    fleet.settle(fleet.cache(0).getOrSet('k', row.read));
    fleet.member(0).host.sleep(fleet.time.now, 10 * MINUTE);
    row.value = 'new';
    fleet.settle(fleet.cache(1).delete('k'));
    fleet.run(10 * MINUTE);
    return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
  });

  race('race 46, a TTL that ends meanwhile where L1 is alone', rule(WITNESS), (start) => {
    const fleet = start({ tiers: 'l1', defaults: { ttl: '5m' } });
    const row = new Row();
    fleet.settle(fleet.cache().getOrSet('k', row.read));
    row.value = 'new';
    sleep(fleet, 10 * MINUTE);
    return fleet.settle(fleet.cache().getOrSet('k', row.read));
  });

  test('answers from L2 again as soon as a heartbeat that was sent after it has come back', () => {
    const fleet = new Fleet({ instances: 2 });
    let loads = 0;
    const read = (index: number) => fleet.settle(fleet.cache(index).getOrSet('k', () => ++loads, { ttl: '1h' }));
    read(0);
    sleep(fleet, 10 * MINUTE);
    expect(fleet.cache(0).peek('k')).toBeUndefined();
    expect(fleet.member(0).events).toContainEqual({ type: 'bus_resync' });
    expect(fleet.settle(fleet.cache(0).ready(1_000))).toBe(true);
    expect(read(0)).toBe(1);
    expect(fleet.cache(0).peek<number>('k')).toBe(1);
  });

  test('does not take the answer of a heartbeat of before for news', () => {
    const fleet = new Fleet({ instances: 2 });
    const reply = fleet.hold('reply', 'i0.data heartbeat');
    while (reply.waiting === 0) fleet.run(1);
    sleep(fleet, 10 * MINUTE);
    reply.open();
    fleet.run(0);
    expect(fleet.cache(0).health().l2).toMatchObject({ healthy: false });
    fleet.run(1_000);
    expect(fleet.cache(0).health().l2).toMatchObject({ healthy: true });
  });

  test('for less than half of D is not noticed', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    sleep(fleet, 700);
    expect(fleet.cache().peek<number>('k')).toBe(1);
  });

  test('several times within D is noticed', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    sleep(fleet, 600);
    fleet.cache().peek('k');
    sleep(fleet, 600);
    expect(fleet.cache().peek('k')).toBeUndefined();
  });
});

describe('a wall clock', () => {
  /** A member whose wall clock the test sets. */
  function withDate() {
    let offset = 0;
    const fleet = new Fleet({
      weakening: {
        wire: ({ clock, ...rest }) => ({
          ...rest,
          clock: { now: () => clock.now(), after: clock.after, wall: () => clock.wall() + offset },
        }),
      },
    });
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(1);
    return {
      fleet,
      set: (ms: number): void => {
        offset += ms;
      },
    };
  }

  test('that is set forward costs a resync: L2 answers as soon as the next heartbeat has come back', () => {
    const { fleet, set } = withDate();
    set(MINUTE);
    expect(fleet.cache().peek('k')).toBeUndefined();
    fleet.settle(fleet.cache().ready(1_000));
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({ value: 1, tier: 'l2' });
    expect(fleet.member().events.filter(({ type }) => type === 'bus_resync')).toHaveLength(1);
  });

  test('that is set back, or drifts, changes nothing', () => {
    const { fleet, set } = withDate();
    set(-60 * MINUTE);
    expect(fleet.cache().peek<number>('k')).toBe(1);
    for (let second = 0; second < 20; second += 1) {
      set(100);
      fleet.run(1_000);
      fleet.settle(fleet.cache().getOrSet('k', () => 2));
    }
    expect(fleet.member().events.filter(({ type }) => type === 'bus_resync')).toEqual([]);
  });
});
