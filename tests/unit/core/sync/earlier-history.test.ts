import { describe, expect, test } from 'bun:test';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';

/** Every instance has found out where it is, and what was agreed there. */
const SETTLED_MS = 700;

function fleetOf(options: FleetOptions = {}): Fleet {
  const fleet = new Fleet({ instances: 2, ...options });
  for (const key of ['k', 'other']) fleet.settle(fleet.cache().getOrSet(key, () => 'old'));
  fleet.run(SETTLED_MS);
  return fleet;
}

const read = (fleet: Fleet, index: number, key = 'k') => fleet.settle(fleet.cache(index).get<string>(key));

/** The address leads to another server, or to another database, while `act` runs, and then back. */
const DETOURS: Readonly<Record<string, (fleet: Fleet, act: () => void) => void>> = {
  'another server': (fleet, act) => {
    fleet.server.redirect('second');
    fleet.run(SETTLED_MS);
    act();
    fleet.server.redirect('first');
  },
  'another database': (fleet, act) => {
    fleet.server.swap();
    fleet.run(SETTLED_MS);
    act();
    fleet.server.swap();
  },
};

for (const [place, detour] of Object.entries(DETOURS)) {
  describe(`what ${place} was told meanwhile`, () => {
    for (const outbox of [false, true]) {
      test(`is not undone when the first one comes back, ${outbox ? 'with' : 'without'} an outbox`, () => {
        const fleet = fleetOf({ outbox });
        detour(fleet, () => fleet.settle(fleet.cache(0).delete('k')));
        fleet.run(SETTLED_MS);
        expect([read(fleet, 0), read(fleet, 1)]).toEqual([undefined, undefined]);
        expect(fleet.cache(0).health().l2?.healthy).toBe(true);
      });
    }

    test('reaches an instance that was cut off all the while and knows the first one alone', () => {
      const fleet = fleetOf();
      const { tier, bus } = fleet.member(1);
      tier.disconnect();
      bus.disconnect();
      detour(fleet, () => fleet.settle(fleet.cache(0).delete('k')));
      tier.reconnect();
      bus.reconnect();
      fleet.run(SETTLED_MS);
      expect(read(fleet, 1)).toBeUndefined();
    });

    test('is known to an instance that came there and has never seen the first one', () => {
      const fleet = fleetOf({ instances: 1 });
      detour(fleet, () => {
        fleet.settle(fleet.cache(0).delete('k'));
        fleet.join({});
        fleet.settle(fleet.cache(0).close());
      });
      fleet.run(SETTLED_MS);
      expect(read(fleet, 1)).toBeUndefined();
    });

    test('is known to an instance that has rested since', () => {
      const fleet = fleetOf({ instances: 1 });
      detour(fleet, () => {
        fleet.settle(fleet.cache(0).delete('k'));
        fleet.run(60_000);
        expect(fleet.cache(0).health().bus?.proofAgeMs).toBeGreaterThan(30_000);
      });
      expect(read(fleet, 0)).toBeUndefined();
    });

    test('is lost once the instances of that time are gone, unless there is an outbox', () => {
      for (const outbox of [false, true]) {
        const fleet = fleetOf({ instances: 1, outbox });
        detour(fleet, () => {
          if (outbox) fleet.database.commit({ ids: ['k'], tags: [] });
          else fleet.settle(fleet.cache(0).delete('k'));
          fleet.run(SETTLED_MS);
          expect(read(fleet, 0)).toBeUndefined();
          fleet.settle(fleet.cache(0).close());
        });
        fleet.join({ outbox });
        expect([outbox, read(fleet, 1)]).toEqual([outbox, outbox ? undefined : 'old']);
      }
    });
  });
}

test('the first history goes on in one fresh generation, whichever instance renews it', () => {
  const fleet = fleetOf({ instances: 3 });
  fleet.server.redirect('second');
  fleet.run(SETTLED_MS);
  fleet.server.redirect('first');
  fleet.run(2 * SETTLED_MS);
  for (let index = 0; index < 3; index += 1) expect(read(fleet, index, 'other')).toBeUndefined();
  expect(fleet.settle(fleet.cache(0).getOrSet('other', () => 'new'))).toBe('new');
  expect(fleet.settle(fleet.cache(2).getOrSet('other', () => 'not asked'))).toBe('new');
});

test('two databases that are swapped between two heartbeats leave no value of the one in the other', () => {
  const fleet = fleetOf({ instances: 1 });
  fleet.server.swap();
  expect(fleet.settle(fleet.cache(0).getOrSet('fresh', () => 'old', { l1Ttl: 0 }))).toBe('old');
  fleet.server.swap();
  fleet.settle(fleet.cache(0).delete('fresh'));
  fleet.server.swap();
  expect(read(fleet, 0, 'fresh')).toBeUndefined();
});
