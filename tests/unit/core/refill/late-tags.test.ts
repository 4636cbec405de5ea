import { describe, expect, test } from 'bun:test';
import type { Loader } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

/** Names the tag `t` when the load is over. */
function namingTag({ loader }: HeldLoads<string>): Loader<string> {
  return async (context) => {
    const value = await loader(context);
    context.setTags(['t']);
    return value;
  };
}

/** A load on the first member that is about to end, while the second has invalidated so many other tags. */
function loadDuring(invalidations: number, fleet = new Fleet({ instances: 2 })) {
  const loads = new HeldLoads<string>();
  const reading = watch(fleet.cache(0).getOrSet('k', namingTag(loads)));
  fleet.run(5);
  for (let count = 0; count < invalidations; count += 1)
    fleet.settle(fleet.cache(1).invalidate({ tags: [`other:${count}`] }));
  return { fleet, loads, reading };
}

/** Where the key is found by a member. */
const tierOf = (fleet: Fleet, member: number): string =>
  fleet.settle(fleet.cache(member).lookup('k', () => 'again')).tier;

describe('a value whose tag only its loader names', () => {
  test('is stored at its first load, though other tags were invalidated during it', () => {
    const { fleet, loads, reading } = loadDuring(5);
    loads.answer('value');
    fleet.run(5);
    expect(reading.value()).toBe('value');
    expect([tierOf(fleet, 0), tierOf(fleet, 1)]).toEqual(['l1', 'l2']);
  });

  test('is stored once the messages have come that the reading of its tag has overtaken', () => {
    const { fleet, loads, reading } = loadDuring(1);
    const message = fleet.hold('message', 'i0.bus');
    fleet.settle(fleet.cache(1).invalidate({ tags: ['other'] }));
    loads.answer('value');
    fleet.run(20);
    expect(reading.state).toBe('pending');
    message.open();
    fleet.run(5);
    expect(reading.value()).toBe('value');
    expect([tierOf(fleet, 0), tierOf(fleet, 1)]).toEqual(['l1', 'l2']);
  });

  test('is answered after `l2Timeout` and stored nowhere when these messages do not come', () => {
    const { fleet, loads, reading } = loadDuring(1);
    fleet.hold('message', 'i0.bus');
    fleet.settle(fleet.cache(1).invalidate({ tags: ['other'] }));
    loads.answer('value');
    fleet.run(60);
    expect(reading.value()).toBe('value');
    expect(tierOf(fleet, 1)).toBe('source');
  });

  test('is answered at once and stored nowhere when that tag was invalidated during its load', () => {
    const { fleet, loads, reading } = loadDuring(1);
    fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
    loads.answer('value');
    fleet.run(5);
    expect(reading.value()).toBe('value');
    expect(tierOf(fleet, 1)).toBe('source');
  });

  test('is stored nowhere when a message was lost during its load', () => {
    const { fleet, loads, reading } = loadDuring(1);
    const message = fleet.hold('message', 'i0.bus');
    fleet.settle(fleet.cache(1).invalidate({ tags: ['other'] }));
    expect(fleet.member().bus.loseUndelivered()).toBe(1);
    message.open();
    fleet.settle(fleet.cache(1).invalidate({ tags: ['another'] }));
    loads.answer('value');
    fleet.run(60);
    expect(reading.value()).toBe('value');
    expect(tierOf(fleet, 1)).toBe('source');
  });

  test('is stored at its second load where there is no bus to tell what was invalidated', () => {
    const { fleet, loads, reading } = loadDuring(5, new Fleet({ instances: 2, tiers: 'l1+l2' }));
    loads.answer('value');
    fleet.run(5);
    expect(reading.value()).toBe('value');
    expect(tierOf(fleet, 1)).toBe('source');
    expect(tierOf(fleet, 0)).toBe('l2');
  });
});
