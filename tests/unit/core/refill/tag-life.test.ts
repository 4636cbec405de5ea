import { describe, expect, test } from 'bun:test';
import type { Loader, ReadOptions } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const MINUTE = 60_000;

/** What an instance finds in L2 that has read nothing before. */
function inL2(fleet: Fleet, key: string): unknown {
  const { cache } = fleet.join({});
  return fleet.settle(cache.get(key));
}

describe('an entry in L2 is not void before its time', () => {
  const long: Loader<string> = ({ setTtl }) => {
    setTtl('1h');
    return 'value';
  };
  const cases: Readonly<Record<string, { loader: Loader<string | null>; options: ReadOptions<string | null> }>> = {
    'its loader gave it a longer TTL': { loader: long, options: { ttl: '1m' } },
    'its loader gave it a longer TTL and its tags': {
      loader: (context) => {
        context.setTags(['late']);
        return long(context);
      },
      options: { ttl: '1m', tags: ['early'] },
    },
    'the value is an absence that is kept for longer than a value': {
      loader: () => null,
      options: { ttl: '1m', negativeTtl: '1h' },
    },
    'another read has asked for its tags with a shorter TTL': { loader: () => 'value', options: { ttl: '1h' } },
  };
  for (const [when, { loader, options }] of Object.entries(cases)) {
    test(`when ${when}`, () => {
      const fleet = new Fleet();
      fleet.settle(fleet.cache().getOrSet('short', () => 1, { ttl: '1m', tags: ['early'] }));
      fleet.run(10_000);
      const value = fleet.settle(fleet.cache().getOrSet('k', loader, options));
      // Nobody reads anything meanwhile that would renew the tags, and the next number is another.
      fleet.settle(fleet.cache().delete('unrelated'));
      fleet.run(59 * MINUTE);
      expect(inL2(fleet, 'k')).toBe(value);
      fleet.run(2 * MINUTE);
      expect(inL2(fleet, 'k')).toBeUndefined();
    });
  }

  test('when it was set for longer than its tags were read for', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('short', () => 1, { ttl: '1m', tags: ['t'] }));
    fleet.settle(fleet.cache().set('k', 'value', { ttl: '1h', tags: ['t'] }));
    fleet.settle(fleet.cache().delete('unrelated'));
    fleet.run(59 * MINUTE);
    expect(inL2(fleet, 'k')).toBe('value');
  });

  test('when its tags were used from memory for as long as they may be', () => {
    const fleet = new Fleet();
    // Often enough that the heartbeats do not rest, which would end what is known.
    for (let at = 0; at < 6 * MINUTE; at += MINUTE / 6) {
      fleet.settle(fleet.cache().getOrSet(`k${at}`, () => at, { ttl: '6m', tags: ['t'] }));
      fleet.run(MINUTE / 6);
    }
    fleet.settle(fleet.cache().delete('unrelated'));
    fleet.run(5 * MINUTE - 1_000);
    for (let at = 5.5 * MINUTE; at < 6 * MINUTE; at += MINUTE / 6) expect(inL2(fleet, `k${at}`)).toBe(at);
  });

  test('and a tag that ended is not brought back by what keeps it', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', long, { ttl: '1m', tags: ['t'] }));
    fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
    fleet.settle(fleet.cache(0).getOrSet('other', long, { ttl: '1m', tags: ['t'] }));
    expect(inL2(fleet, 'k')).toBeUndefined();
    expect(inL2(fleet, 'other')).toBe('value');
  });
});

describe('what keeps tags', () => {
  test('travels with the fill, once for all entries of a call, and seldom', () => {
    const fleet = new Fleet();
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    const { calls } = fleet.member();
    fleet.settle(
      fleet.cache().getOrSetMany(
        keys,
        ({ setTtl }) => {
          for (const key of keys) setTtl(key, '1h');
          return keys.map((key) => [key, 1] as const);
        },
        { ttl: '1m', tags: ['t'] },
      ),
    );
    const keeping = () => calls.filter(({ operation }) => operation === 'tagGenerations');
    const fills = calls.filter(({ operation }) => operation === 'fill');
    // One reading before the load, one keeping with the fills.
    expect(keeping()).toHaveLength(2);
    expect(keeping()[1]?.at).toBe(fills[0]?.at ?? 0);
    for (let round = 0; round < 10; round += 1) {
      fleet.settle(
        fleet.cache().getOrSet(`later${round}`, ({ setTtl }) => setTtl('1h') ?? 1, { ttl: '1m', tags: ['t'] }),
      );
    }
    expect(keeping()).toHaveLength(2);
  });

  test('has nothing to do where no TTL is longer than the options say', () => {
    const fleet = new Fleet();
    for (let minute = 0; minute < 100; minute += 1) {
      fleet.settle(fleet.cache().getOrSet(`k${minute}`, () => 1, { ttl: '10m', tags: ['t'] }));
      fleet.run(MINUTE);
    }
    const { calls } = fleet.member();
    const fills = new Set(calls.filter(({ operation }) => operation === 'fill').map(({ at }) => at));
    expect(fills.size).toBe(100);
    expect(calls.filter(({ operation, at }) => operation === 'tagGenerations' && fills.has(at))).toEqual([]);
  });
});
