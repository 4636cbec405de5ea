import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { RemoteTier } from '../../src/core/ports/remote-tier.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import type { Wiring } from '../simulation/world.ts';
import { Fleet } from '../support/core-fixture.ts';
import { watch } from '../support/watch.ts';

setDefaultTimeout(300_000);

const KEYS = Array.from({ length: 1_500 }, (_, index) => `k:${index}`);
const VALUE = 'x'.repeat(4_000);
/** As slow as is allowed for: 6 MB take 120 ms. */
const BYTES_PER_MS = 50_000;

/** A connection that answers in order, and no faster than its bytes can travel. */
function narrow({ tier, clock, ...rest }: Wiring): Wiring {
  let freeAt = 0;
  const travel = async <T>(answer: Promise<T>, keys: number): Promise<T> => {
    const value = await answer;
    freeAt = Math.max(freeAt, clock.now()) + (keys * VALUE.length) / BYTES_PER_MS;
    const left = freeAt - clock.now();
    await new Promise<void>((resolve) => clock.after(left, resolve));
    return value;
  };
  return {
    ...rest,
    clock,
    tier: overriding<RemoteTier>(tier, {
      acquireMany: (ids, ...terms) => travel(tier.acquireMany(ids, ...terms), ids.length),
      readMany: (ids, generation) => travel(tier.readMany(ids, generation), ids.length),
    }),
  };
}

/** An instance that has read nothing yet, over an L2 that holds every key. */
function filled(): Fleet {
  const fleet = new Fleet();
  const values = KEYS.map((key) => [key, VALUE] as const);
  fleet.settle(fleet.cache().getOrSetMany(KEYS, () => values, { l2Timeout: '10s' }));
  fleet.join({ weakening: { wire: narrow } });
  return fleet;
}

describe('1,500 reads of 4 kB in one turn', () => {
  test('are as many hits in L2, though their bytes take twice as long as l2Timeout', () => {
    const fleet = filled();
    const { cache, events } = fleet.member(1);
    const began = fleet.time.now;
    const reads = KEYS.map((key) => cache.getOrSet<string>(key, () => 'loaded'));
    expect(new Set(fleet.settle(Promise.all(reads)))).toEqual(new Set([VALUE]));
    expect(fleet.time.now - began).toBeGreaterThan(100);
    expect(events.filter(({ type }) => type === 'l2_timeout' || type === 'breaker_transition')).toEqual([]);
  });

  test('in one call for many, or as plain reads of many, too', () => {
    for (const read of ['getMany', 'getOrSetMany'] as const) {
      const fleet = filled();
      const { cache } = fleet.member(1);
      const loads: string[] = [];
      const reading =
        read === 'getMany'
          ? cache.getMany<string>(KEYS)
          : cache.getOrSetMany<string>(KEYS, ({ keys }) => {
              loads.push(...keys);
              return keys.map((key) => [key, 'loaded'] as const);
            });
      expect([read, new Set(fleet.settle<readonly unknown[]>(reading)), loads]).toEqual([read, new Set([VALUE]), []]);
    }
  });

  test('of a server that is silent go to the source within a quarter of a second, and are one failure for the breaker', () => {
    const fleet = filled();
    const { cache, l2 } = fleet.member(1);
    l2.hang({ only: 'acquireMany' });
    const reads = watch(Promise.all(KEYS.map((key) => cache.getOrSet<string>(key, () => 'loaded'))));
    fleet.run(250);
    expect(new Set(reads.value())).toEqual(new Set(['loaded']));
    expect(cache.health().l2?.breaker).toBe('closed');
  });

  test('leave each caller the half of its own time for a load', () => {
    const fleet = filled();
    const { cache, l2 } = fleet.member(1);
    l2.hang({ only: 'acquireMany' });
    const options = { hardTimeout: 200 } as const;
    const reads = watch(Promise.all(KEYS.map((key) => cache.getOrSet<string>(key, () => 'loaded', options))));
    fleet.run(120);
    expect(new Set(reads.value())).toEqual(new Set(['loaded']));
  });

  test('one after the other they open the breaker after five that failed', () => {
    const fleet = filled();
    const { cache, l2 } = fleet.member(1);
    l2.hang({ only: ['acquire', 'acquireMany'] });
    for (let turn = 0; turn < 5; turn += 1) {
      expect(cache.health().l2?.breaker).toBe('closed');
      fleet.settle(Promise.all([0, 1, 2].map((index) => cache.getOrSet(`${turn} ${index}`, () => 'loaded'))));
    }
    expect(cache.health().l2?.breaker).toBe('open');
  });
});
