import { describe, expect, test } from 'bun:test';
import { Fleet } from '../support/core-fixture.ts';
import { Row, race, rule } from './race.ts';

const HOUR = 3_600_000;

describe('a clock of Redis that steps back', () => {
  race('race 42, a value of before the step', rule('a stamp from the future that counts as new'), (start) => {
    const fleet = start({ defaults: { ttl: '5s', l1Ttl: '1s' } });
    const row = new Row();
    fleet.settle(fleet.cache().getOrSet('k', row.read));
    fleet.stepServerClock(-HOUR);
    row.value = 'new';
    fleet.run(10_000);
    return fleet.settle(fleet.cache().getOrSet('k', row.read));
  });

  race(
    'race 42, a value that was expired before the step',
    rule('a stamp from the future that counts as new'),
    (start) => {
      const fleet = start({ defaults: { ttl: '1d', staleIfError: '5s', l1Ttl: '1s' } });
      const row = new Row();
      fleet.settle(fleet.cache().getOrSet('k', row.read));
      fleet.run(2 * HOUR);
      fleet.settle(fleet.cache().expire('k'));
      fleet.stepServerClock(-HOUR);
      fleet.run(10_000);
      const failing = (): Promise<string> => Promise.reject(new Error('down'));
      return fleet.settle(
        fleet
          .cache()
          .getOrSet('k', failing)
          .catch(() => 'new'),
      );
    },
  );

  test('costs one load: what is filled after the step is dated by the clock as it is now', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '5s' } });
    let loads = 0;
    const read = (index: number) => fleet.settle(fleet.cache(index).getOrSet('k', () => ++loads));
    read(0);
    fleet.stepServerClock(-HOUR);
    fleet.run(1_000);
    for (const { l1 } of fleet.members) l1.clear();
    expect([read(1), read(0)]).toEqual([2, 2]);
    fleet.run(4_900);
    expect(read(1)).toBe(2);
    fleet.run(200);
    expect(read(1)).toBe(3);
  });

  test('by less than is known of it changes nothing', () => {
    const fleet = new Fleet({ defaults: { ttl: '5s' } });
    let loads = 0;
    const read = () => fleet.settle(fleet.cache().getOrSet('k', () => ++loads));
    read();
    fleet.stepServerClock(-90);
    fleet.member().l1.clear();
    expect(read()).toBe(1);
  });

  test('is judged by no more than the bound, however slow the heartbeats are', () => {
    const fleet = new Fleet({ defaults: { ttl: '5s' }, maxLag: '300ms' });
    let loads = 0;
    const read = () => fleet.settle(fleet.cache().getOrSet('k', () => ++loads));
    read();
    fleet.stepServerClock(-1_000);
    fleet.run(300);
    fleet.member().l1.clear();
    expect(read()).toBe(2);
  });
});
