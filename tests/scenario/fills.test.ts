import { describe, expect, test } from 'bun:test';
import { Fleet } from '../support/core-fixture.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';
import { Row, race, rule } from './race.ts';

describe('a fill that started before a change', () => {
  race(
    'race 1, a reader loads the old row, the writer commits and deletes, the reader fills',
    rule('no lease: a fill that stores whatever the record is by now'),
    (start) => {
      const fleet = start({ instances: 3 });
      const row = new Row();
      const loads = new HeldLoads<string>();
      const reading = watch(fleet.cache(0).getOrSet('k', loads.loader));
      fleet.run(5);
      const seen = row.read();
      // The message does not arrive in time: the token alone decides.
      fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).delete('k'));
      loads.answer(seen);
      fleet.run(5);
      expect(reading.value()).toBe('old');
      return fleet.settle(fleet.cache(2).getOrSet('k', row.read));
    },
  );

  race(
    'race 2, the message arrives between the reply of L2 and the store in L1',
    rule('flights that no invalidation poisons'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      fleet.settle(fleet.cache(1).getOrSet('k', row.read));
      const reply = fleet.hold('reply', 'i0.data acquire k');
      const reading = watch(fleet.cache(0).getOrSet('k', row.read, { l2Timeout: 1_000 }));
      fleet.run(5);
      row.value = 'new';
      fleet.settle(fleet.cache(1).delete('k'));
      fleet.run(5);
      reply.open();
      fleet.run(5);
      expect(reading.value()).toBe('old');
      return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
    },
  );

  race(
    'race 3, a reader who comes after the acknowledgement meets a load from before it',
    rule('readers that join a flight from before the invalidation'),
    (start) => {
      const fleet = start();
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache().getOrSet('k', loads.loader));
      fleet.run(5);
      const seen = row.read();
      row.value = 'new';
      fleet.settle(fleet.cache().delete('k'));
      const after = watch(fleet.cache().getOrSet('k', row.read));
      fleet.run(5);
      loads.answer(seen);
      fleet.run(5);
      return after.value();
    },
  );

  race(
    'race 14, a refresh loads the old row while the value is replaced',
    rule('a refresh that stores over whatever value is there by now'),
    (start) => {
      const fleet = start({ instances: 2, defaults: { ttl: '1s', staleWhileRevalidate: '1h' } });
      const row = new Row();
      fleet.settle(fleet.cache(0).getOrSet('k', row.read));
      fleet.run(1_000);
      const loads = new HeldLoads<string>();
      fleet.settle(fleet.cache(0).getOrSet('k', loads.loader));
      fleet.run(5);
      expect(loads.count).toBe(1);
      const seen = row.read();
      fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).set('k', 'new'));
      loads.answer(seen);
      fleet.run(5);
      return fleet.settle(fleet.join({}).cache.getOrSet('k', row.read));
    },
  );

  race(
    'race 15, the lease runs out before the loader ends, and another has filled meanwhile',
    rule('no lease: a fill that stores whatever the record is by now'),
    (start) => {
      const fleet = start({ instances: 2, defaults: { lease: 300, hardTimeout: '1m' } });
      const row = new Row();
      const loads = new HeldLoads<string>();
      const slow = watch(fleet.cache(0).getOrSet('k', loads.loader));
      fleet.run(5);
      const seen = row.read();
      // The process stands still: it renews nothing, though not for so long that it would have to forget everything.
      fleet.member(0).host.pausedUntil = fleet.time.now + 700;
      row.value = 'new';
      fleet.run(310);
      expect(fleet.settle(fleet.cache(1).getOrSet('k', row.read))).toBe('new');
      fleet.run(700);
      loads.answer(seen);
      fleet.run(100);
      // It is late, and it is what this caller asked for.
      expect(slow.value()).toBe('old');
      return fleet.settle(fleet.join({}).cache.get('k'));
    },
  );

  race(
    'race 17, a lease is given back that is another’s by now',
    rule('a lease that is given back without looking whose it is'),
    (start) => {
      const fleet = start({ instances: 3, defaults: { lease: '1s', hardTimeout: '1m' } });
      const leaving = new AbortController();
      const first = new HeldLoads<string>();
      watch(fleet.cache(0).getOrSet('k', first.loader, { signal: leaving.signal }));
      fleet.run(5);
      fleet.settle(fleet.cache(1).delete('k'));
      const second = new HeldLoads<string>();
      watch(fleet.cache(1).getOrSet('k', second.loader));
      fleet.run(5);
      leaving.abort();
      fleet.run(5);
      // The second lease stands: a third reader waits for its load and begins none.
      const third = new HeldLoads<string>();
      watch(fleet.cache(2).getOrSet('k', third.loader));
      fleet.run(100);
      expect(second.count).toBe(1);
      return third.count === 0 ? 'new' : 'old';
    },
  );

  race(
    'race 26, an absence is cached while the row is inserted',
    rule('no lease: a fill that stores whatever the record is by now'),
    (start) => {
      const fleet = start({ instances: 2, defaults: { negativeTtl: '1h' } });
      const loads = new HeldLoads<null>();
      const reading = watch(fleet.cache(0).getOrSet<string | null>('k', loads.loader));
      fleet.run(5);
      fleet.hold('message', 'i0.bus');
      fleet.settle(fleet.cache(1).delete('k'));
      loads.answer(null);
      fleet.run(5);
      expect(reading.value()).toBeNull();
      return fleet.settle(fleet.cache(1).getOrSet<string | null>('k', () => 'new')) ?? 'old';
    },
  );

  race(
    'race 29, the lease is granted by a reply that comes after its caller began to load',
    rule('a load that began before the reply that granted its lease'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      const loads = new HeldLoads<string>();
      const request = fleet.hold('request', 'i0.data acquire k');
      watch(fleet.cache(0).getOrSet('k', loads.loader));
      // The budget of the read, 50 ms, is over: it loads without a right to fill.
      fleet.run(60);
      expect(loads.count).toBe(1);
      const seen = row.read();
      fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).delete('k'));
      request.open();
      fleet.run(5);
      loads.answer(seen);
      fleet.run(5);
      return fleet.settle(fleet.cache(1).getOrSet('k', row.read));
    },
  );
});

test('a fill that has hung on its way is dated by when its load began', () => {
  const fleet = new Fleet({ instances: 2, defaults: { ttl: '10s' } });
  const hung = ['fill', 'release'].map((operation) => fleet.hold('request', `i0.data ${operation}`));
  fleet.settle(fleet.cache(0).getOrSet('k', () => 'old'));
  fleet.run(2_000);
  for (const gate of hung) gate.open();
  fleet.run(10);
  const { value, tier, age, ttl } = fleet.settle(fleet.cache(1).lookup<string>('k', () => 'new'));
  expect([value, tier]).toEqual(['old', 'l2']);
  expect(age).toBeGreaterThan(1_990);
  expect(ttl).toBeLessThan(8_010);
});
