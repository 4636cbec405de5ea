import { describe, expect } from 'bun:test';
import { InvalidationPendingError } from '../../src/index.ts';
import { ChaosBus } from '../../src/testing/chaos/bus.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';
import { Row, race, rule } from './race.ts';

describe('a message that was lost', () => {
  race(
    'race 30, a slow load begun before it must not be joined nor stored as if it were new',
    rule('readers that join a flight of any age while nothing is proven'),
    (start) => {
      const fleet = start({ instances: 2, defaults: { hardTimeout: '1m' } });
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache(0).getOrSet('k', loads.loader));
      fleet.run(5);
      const seen = row.read();
      // Cut off from everything, this instance hears neither the message nor that it missed one.
      fleet.member(0).bus.disconnect();
      fleet.member(0).tier.disconnect();
      row.value = 'new';
      fleet.settle(fleet.cache(1).delete('k'));
      fleet.run(2_000);
      const after = watch(fleet.cache(0).getOrSet('k', row.read));
      fleet.run(5);
      loads.answer(seen);
      fleet.run(5);
      return after.value();
    },
  );

  race(
    'race 33, all are cut off, a write is pending, and the number stands still',
    rule('a first heartbeat after an outage that clears nothing'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      fleet.settle(fleet.cache(0).getOrSet('k', row.read));
      fleet.run(1_000);
      for (const { tier, bus } of fleet.members) {
        tier.disconnect();
        bus.disconnect();
      }
      fleet.run(5);
      row.value = 'new';
      expect(fleet.failure(fleet.cache(1).delete('k'))).toBeInstanceOf(InvalidationPendingError);
      fleet.run(5_000);
      // The reader is back first, and no number has moved: nothing but the outage itself says that L1 may be old.
      fleet.member(0).bus.reconnect();
      fleet.member(0).tier.reconnect();
      fleet.run(200);
      expect(fleet.cache(0).health().bus?.proofAgeMs).toBeLessThan(500);
      return fleet.cache(0).peek<string>('k') ?? 'new';
    },
  );
});

describe('a message that is lost while L1 has just been cleared', () => {
  race(
    'race 60, the second gap within 100 ms suspends L1 until that has been cleared again',
    rule('a gap that is ignored because a resync was lately'),
    (start) => {
      const buses: ChaosBus[] = [];
      const fleet = start({
        instances: 2,
        remake: (options) => {
          if (options.bus === undefined) return options;
          const bus = new ChaosBus(options.bus);
          buses.push(bus);
          return { ...options, bus };
        },
      });
      const row = new Row();
      const lose = (key: string): void => {
        const loss = buses[0]?.lose({ only: 'invalidation' });
        fleet.settle(fleet.cache(1).delete(key));
        fleet.run(5);
        loss?.lift();
      };
      const tell = (): void => {
        fleet.settle(fleet.cache(1).delete('other'));
        fleet.run(5);
      };
      lose('first');
      tell();
      fleet.run(30);
      expect(fleet.settle(fleet.cache(0).getOrSet('k', row.read))).toBe('old');
      row.value = 'new';
      lose('k');
      tell();
      // Its own load of just now may answer for D; nothing may after that.
      fleet.run(2_000);
      return fleet.cache(0).peek<string>('k') ?? 'new';
    },
  );
});

describe('two loads of one key', () => {
  race(
    'race 34, the older one, which could not be joined, ends last',
    rule('flights that do not supersede each other'),
    (start) => {
      const fleet = start({ defaults: { hardTimeout: '1m' } });
      const row = new Row();
      const loads = new HeldLoads<string>();
      // Neither has a right to fill: what they bring is only kept here.
      const acquire = fleet.hold('request', 'i0.data acquire');
      const older = watch(fleet.cache().getOrSet('k', loads.loader));
      fleet.run(60);
      const seen = row.read();
      fleet.member().bus.disconnect();
      // Committed; its invalidation is still to come.
      row.value = 'new';
      fleet.run(2_000);
      const newer = watch(fleet.cache().getOrSet('k', row.read));
      fleet.run(60);
      expect(newer.value()).toBe('new');
      // No message was missed: what is here is proven again, and nothing is cleared.
      fleet.member().bus.reconnect();
      fleet.run(600);
      expect(fleet.cache().peek<string>('k')).toBe('new');
      loads.answer(seen);
      fleet.run(5);
      expect(older.value()).toBe('old');
      acquire.open();
      return fleet.settle(fleet.cache().getOrSet('k', row.read));
    },
  );
});
