import { describe, expect } from 'bun:test';
import type { ManyLoaderContext } from '../../src/index.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';
import { Row, race, rule } from './race.ts';

type Rows = readonly (readonly [key: string, value: string])[];

const KEYS = ['j', 'k', 'l'] as const;

/** Every key holds what the row says. */
const all = (value: string): Rows => KEYS.map((key) => [key, value] as const);
const of =
  (row: Row) =>
  ({ keys }: Pick<ManyLoaderContext, 'keys'>): Rows =>
    keys.map((key) => [key, row.read()] as const);

describe('a load of many keys that started before a change', () => {
  race(
    'race 1, a reader loads the old rows, the writer commits and deletes one, the reader fills',
    rule('no lease: a fill that stores whatever the record is by now'),
    (start) => {
      const fleet = start({ instances: 3 });
      const row = new Row();
      const loads = new HeldLoads<Rows>();
      const reading = watch(fleet.cache(0).getOrSetMany(KEYS, loads.loader));
      fleet.run(5);
      const seen = row.read();
      // The message does not arrive in time: the token alone decides.
      fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).delete('k'));
      loads.answer(all(seen));
      fleet.run(5);
      expect(reading.value()).toEqual(['old', 'old', 'old']);
      const [other, value] = fleet.settle(fleet.cache(2).getOrSetMany(['j', 'k'], of(row)));
      expect(other).toBe('old');
      return value;
    },
  );

  race(
    'race 2, the message arrives between the reply of L2 and the store in L1',
    rule('flights that no invalidation poisons'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      fleet.settle(fleet.cache(1).getOrSetMany(KEYS, of(row)));
      const reply = fleet.hold('reply', 'i0.data acquireMany');
      const reading = watch(fleet.cache(0).getOrSetMany(KEYS, of(row), { l2Timeout: 1_000 }));
      fleet.run(5);
      row.value = 'new';
      fleet.settle(fleet.cache(1).delete('k'));
      fleet.run(5);
      reply.open();
      fleet.run(5);
      expect(reading.value()).toEqual(['old', 'old', 'old']);
      expect(fleet.cache(0).peek<string>('j')).toBe('old');
      return fleet.settle(fleet.cache(0).getOrSet('k', row.read));
    },
  );

  race(
    'race 3, a reader who comes after the acknowledgement meets a load from before it',
    rule('readers that join a flight from before the invalidation'),
    (start) => {
      const fleet = start();
      const row = new Row();
      const loads = new HeldLoads<Rows>();
      watch(fleet.cache().getOrSetMany(KEYS, loads.loader));
      fleet.run(5);
      const seen = row.read();
      row.value = 'new';
      fleet.settle(fleet.cache().deleteMany(['k', 'l']));
      const after = watch(fleet.cache().getOrSetMany(['k', 'l'], of(row)));
      fleet.run(5);
      loads.answer(all(seen));
      fleet.run(5);
      return after.value()[0];
    },
  );

  race('race 21, a tag moves that the caller named', rule('tags that are read when the load is over'), (start) => {
    const fleet = start({ instances: 2 });
    const row = new Row();
    const loads = new HeldLoads<Rows>();
    const reading = watch(fleet.cache(0).getOrSetMany(KEYS, loads.loader, { tags: ['t'] }));
    fleet.run(5);
    const seen = row.read();
    fleet.hold('message', 'i0.bus');
    row.value = 'new';
    fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
    loads.answer(all(seen));
    fleet.run(5);
    expect(reading.value()).toEqual(['old', 'old', 'old']);
    return fleet.settle(fleet.cache(1).getOrSet('k', row.read, { tags: ['t'] }));
  });

  race(
    'race 21, a tag moves that only the values name, and L1 alone',
    rule('flights that forget which tags have ended meanwhile'),
    (start) => {
      const fleet = start({ tiers: 'l1' });
      const row = new Row();
      const loads = new HeldLoads<Rows>();
      watch(fleet.cache().getOrSetMany(KEYS, loads.loader, { tags: () => ['t'] }));
      fleet.run(5);
      const seen = row.read();
      row.value = 'new';
      fleet.settle(fleet.cache().invalidate({ tags: ['t'] }));
      loads.answer(all(seen));
      fleet.run(5);
      return fleet.settle(fleet.cache().getOrSet('k', row.read));
    },
  );
});
