import { describe, expect } from 'bun:test';
import type { Loader } from '../../src/index.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';
import { Row, race, rule } from './race.ts';

describe('a tag that moves during a load', () => {
  race('race 21, one that the caller named', rule('tags that are read when the load is over'), (start) => {
    const fleet = start({ instances: 2 });
    const row = new Row();
    const loads = new HeldLoads<string>();
    const reading = watch(fleet.cache(0).getOrSet('k', loads.loader, { tags: ['t'] }));
    fleet.run(5);
    const seen = row.read();
    // The message is on its way to the reader when its load ends: only L2 can refuse the value.
    fleet.hold('message', 'i0.bus');
    row.value = 'new';
    fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
    loads.answer(seen);
    fleet.run(5);
    expect(reading.value()).toBe('old');
    return fleet.settle(fleet.cache(1).getOrSet('k', row.read, { tags: ['t'] }));
  });

  race(
    'race 21, one that only the loader names, and L1 alone',
    rule('flights that forget which tags have ended meanwhile'),
    (start) => {
      const fleet = start({ tiers: 'l1' });
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache().getOrSet('k', namingTag(loads)));
      fleet.run(5);
      const seen = row.read();
      row.value = 'new';
      fleet.settle(fleet.cache().invalidate({ tags: ['t'] }));
      loads.answer(seen);
      fleet.run(5);
      return fleet.settle(fleet.cache().getOrSet('k', row.read));
    },
  );

  race(
    'race 21, one that only the loader names, and the message is late',
    {
      'a generation that is not compared with the number seen at the start': {
        tier: (tier) => overriding(tier, { tagGenerations: async (tags) => tags.map(() => OF_THE_BEGINNING) }),
      },
    },
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache(0).getOrSet('k', namingTag(loads)));
      fleet.run(5);
      const seen = row.read();
      fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
      loads.answer(seen);
      fleet.run(5);
      return fleet.settle(fleet.cache(1).getOrSet('k', row.read));
    },
  );

  race(
    'race 65, one that only the loader names, whose generation another reading makes meanwhile',
    rule('a late tag of which every invalidation counts as heard'),
    (start) => {
      const fleet = start({ instances: 3 });
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache(0).getOrSet('k', namingTag(loads)));
      fleet.run(5);
      const seen = row.read();
      // Nobody reads the tag yet, so its invalidation leaves no record. The reader hears of it when all is over.
      fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
      fleet.settle(fleet.cache(2).getOrSet('other', () => 'any', { tags: ['t'] }));
      loads.answer(seen);
      fleet.run(100);
      return fleet.settle(fleet.cache(1).getOrSet('k', row.read));
    },
  );

  race(
    'race 66, one that only the loader names, when its message is no news',
    rule('flights that are told only of tags that are news to their process'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache(0).getOrSet('k', namingTag(loads)));
      fleet.run(5);
      const seen = row.read();
      const message = fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
      // The same process reads the generation for another key, and knows more than the message will say.
      fleet.settle(fleet.cache(0).getOrSet('other', () => 'any', { tags: ['t'] }));
      message.open();
      fleet.run(5);
      loads.answer(seen);
      fleet.run(100);
      return fleet.settle(fleet.cache(1).getOrSet('k', row.read));
    },
  );

  race(
    'race 66, and a reader who joins the load after the message',
    rule('flights that are told only of tags that are news to their process'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      const loads = new HeldLoads<string>();
      watch(fleet.cache(0).getOrSet('k', namingTag(loads)));
      fleet.run(5);
      const seen = row.read();
      const message = fleet.hold('message', 'i0.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
      fleet.settle(fleet.cache(0).getOrSet('other', () => 'any', { tags: ['t'] }));
      message.open();
      fleet.run(5);
      const joining = fleet.cache(0).getOrSet('k', row.read);
      fleet.run(5);
      loads.answer(seen);
      return fleet.settle(joining);
    },
  );

  race(
    'race 28, the reading of a generation crosses the message that moves it',
    rule('a generation that is remembered though a message crossed its reading'),
    (start) => {
      const fleet = start({ instances: 2 });
      const row = new Row();
      // The reply with the old generation stands still while the tag moves and its message arrives.
      const reply = fleet.hold('reply', 'i0.data tagGenerations');
      watch(fleet.cache(0).getOrSet('first', () => 'any', { tags: ['t'], l2Timeout: 1_000 }));
      fleet.run(5);
      fleet.settle(fleet.cache(1).getOrSet('k', row.read, { tags: ['t'] }));
      row.value = 'new';
      fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
      fleet.run(5);
      reply.open();
      fleet.run(5);
      return fleet.settle(fleet.cache(0).getOrSet('k', row.read, { tags: ['t'] }));
    },
  );
});

/** A loader that names the tag `t` as late as it can. */
function namingTag({ loader }: HeldLoads<string>): Loader<string> {
  return async (context) => {
    const value = await loader(context);
    context.setTags(['t']);
    return value;
  };
}

/** A generation older than every invalidation of the memory server's first run. */
const OF_THE_BEGINNING = { hard: '0000000000000001:0', soft: '0000000000000001:0' };
