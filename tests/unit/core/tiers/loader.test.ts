import { describe, expect, test } from 'bun:test';
import { InvalidOptionError, type Loader } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

/** A loader that counts: its answer is how often it was called. */
function counting(): { readonly loader: Loader<number>; readonly count: () => number } {
  let count = 0;
  return {
    loader: () => {
      count += 1;
      return count;
    },
    count: () => count,
  };
}

describe('an error of the loader', () => {
  test('reaches every waiting caller as it was thrown', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<number>();
    const callers = Array.from({ length: 5 }, () => watch(fleet.cache().getOrSet('k', loads.loader)));
    fleet.run(10);
    const error = new Error('no such table');
    loads.fail(error);
    fleet.run(10);
    for (const caller of callers) expect(() => caller.value()).toThrow(error);
    expect(loads.count).toBe(1);
  });

  test('may be anything, and may be thrown at once', () => {
    const fleet = new Fleet();
    for (const thrown of ['text', 0, undefined, null, { code: 1 }]) {
      const throwing = (): never => {
        throw thrown;
      };
      expect(fleet.failure(fleet.cache().getOrSet('k', throwing))).toBe(thrown);
      expect(fleet.failure(fleet.cache().getOrSet('k', () => Promise.reject(thrown)))).toBe(thrown);
    }
  });

  test('is not cached, and leaves no lease behind', () => {
    const fleet = new Fleet({ instances: 2 });
    expect(fleet.failure(fleet.cache(0).getOrSet('k', () => Promise.reject(new Error('down'))))).toBeInstanceOf(Error);
    fleet.run(5);
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).lookup('k', () => 1))).toMatchObject({ value: 1, tier: 'source' });
    // Nobody had to wait for a lease to lapse.
    expect(fleet.time.now - began).toBeLessThan(10);
    expect(fleet.member(0).calls.map(({ operation }) => operation)).toContain('leaveOutcome');
  });
});

describe('null', () => {
  test('is the answer that there is none, and kept for negativeTtl', () => {
    const fleet = new Fleet({ instances: 2, defaults: { negativeTtl: '2s', ttl: '1h' } });
    const { loader, count } = counting();
    const absent: Loader<null> = (context) => {
      void loader({ ...context, stale: undefined });
      return null;
    };
    expect(fleet.settle(fleet.cache(0).getOrSet('k', absent))).toBeNull();
    expect(fleet.settle(fleet.cache(0).lookup('k', absent))).toMatchObject({ value: null, tier: 'l1' });
    expect(fleet.settle(fleet.cache(1).lookup('k', absent))).toMatchObject({ value: null, tier: 'l2' });
    fleet.run(2_000);
    expect(fleet.settle(fleet.cache(1).lookup('k', absent))).toMatchObject({ value: null, tier: 'source' });
    expect(count()).toBe(2);
  });

  test('has no old value that could serve when the source fails', () => {
    const fleet = new Fleet({ defaults: { negativeTtl: '1s', staleIfError: '1h', staleWhileRevalidate: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => null));
    fleet.run(1_000);
    const error = new Error('down');
    expect(fleet.failure(fleet.cache().getOrSet('k', () => Promise.reject(error)))).toBe(error);
  });

  test('given to set is kept for negativeTtl too', () => {
    const fleet = new Fleet({ instances: 2, defaults: { negativeTtl: '2s', staleWhileRevalidate: '1h' } });
    expect(fleet.settle(fleet.cache(0).set('k', null))).toBe(true);
    expect(fleet.settle(fleet.cache(1).get('k'))).toBeNull();
    fleet.run(2_000);
    for (const index of [0, 1]) expect(fleet.settle(fleet.cache(index).lookup('k', () => 1)).value).toBe(1);
  });
});

describe('how long a value is kept', () => {
  test('ttl says when it is not fresh any more, in both tiers', () => {
    const fleet = new Fleet({ instances: 2 });
    const { loader } = counting();
    const options = { ttl: '5s' } as const;
    fleet.settle(fleet.cache(0).getOrSet('k', loader, options));
    fleet.run(4_900);
    expect(fleet.settle(fleet.cache(0).lookup('k', loader, options))).toMatchObject({ value: 1, tier: 'l1' });
    expect(fleet.settle(fleet.cache(1).lookup('k', loader, options))).toMatchObject({ value: 1, tier: 'l2' });
    fleet.run(100);
    expect(fleet.settle(fleet.cache(1).lookup('k', loader, options))).toMatchObject({ value: 2, tier: 'source' });
  });

  test('a value that came through L2 is as old as it is, not as new as it was met', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1, { ttl: '10s' }));
    fleet.run(6_000);
    const lookup = fleet.settle(fleet.cache(1).lookup('k', () => 2, { ttl: '10s' }));
    expect(lookup.tier).toBe('l2');
    expect(lookup.age).toBeWithin(5_998, 6_010);
    expect(lookup.ttl).toBeWithin(3_990, 4_003);
  });

  test('0 is not stored anywhere', () => {
    const fleet = new Fleet();
    const { loader } = counting();
    expect(fleet.settle(fleet.cache().getOrSet('k', loader, { ttl: 0 }))).toBe(1);
    expect(fleet.settle(fleet.cache().getOrSet('k', loader, { ttl: 0 }))).toBe(2);
    expect(fleet.settle(fleet.cache().inspect('k'))).toEqual({ key: 'k' });
  });

  test('0 given to set stores nothing, and ends what was there', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'old'));
    fleet.settle(fleet.cache(1).getOrSet('k', () => 'old'));
    expect(fleet.settle(fleet.cache(0).set('k', 'new', { ttl: 0, staleWhileRevalidate: '1h' }))).toBe(false);
    fleet.run(5);
    for (const index of [0, 1]) expect(fleet.settle(fleet.cache(index).inspect('k'))).not.toHaveProperty('l1');
    expect(fleet.settle(fleet.cache(0).get('k'))).toBeUndefined();
  });

  test('Infinity never ends', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: Infinity, l1Ttl: Infinity } });
    const { loader } = counting();
    fleet.settle(fleet.cache(0).getOrSet('k', loader));
    // Used all the while, or its heartbeats would rest, and what is here lapse with its proof.
    for (let minute = 0; minute < 3 * 60; minute += 1) {
      for (let fourth = 0; fourth < 4; fourth += 1) {
        fleet.run(15_000);
        fleet.cache(0).peek('k');
      }
    }
    expect(fleet.settle(fleet.cache(0).lookup('k', loader))).toMatchObject({ value: 1, tier: 'l1', ttl: Infinity });
    expect(fleet.settle(fleet.cache(1).lookup('k', loader))).toMatchObject({ value: 1, tier: 'l2', ttl: Infinity });
  });

  test('without an L2 to ask, L1 answers as long as the TTL lasts', () => {
    const fleet = new Fleet({ tiers: 'l1', defaults: { ttl: '1h' } });
    const { loader, count } = counting();
    fleet.settle(fleet.cache().getOrSet('k', loader));
    fleet.run(59 * 60_000);
    expect(fleet.settle(fleet.cache().lookup('k', loader)).tier).toBe('l1');
    fleet.run(60_000);
    expect(fleet.settle(fleet.cache().lookup('k', loader)).tier).toBe('source');
    expect(count()).toBe(2);
  });

  test('l1Ttl says how long L1 answers without asking L2', () => {
    const fleet = new Fleet({ defaults: { ttl: '1h', l1Ttl: '5s' } });
    const { loader, count } = counting();
    fleet.settle(fleet.cache().getOrSet('k', loader));
    fleet.run(4_990);
    expect(fleet.settle(fleet.cache().lookup('k', loader)).tier).toBe('l1');
    fleet.run(10);
    expect(fleet.settle(fleet.cache().lookup('k', loader)).tier).toBe('l2');
    expect(fleet.settle(fleet.cache().lookup('k', loader)).tier).toBe('l1');
    expect(count()).toBe(1);
  });

  test('jitter only shortens, and spreads', () => {
    const fleet = new Fleet({ defaults: { ttl: 10_000, jitter: 0.2 } });
    const ttls = Array.from({ length: 200 }, (_, index) => {
      const lookup = fleet.settle(fleet.cache().lookup(`k${index}`, () => 1));
      return lookup.ttl + lookup.age;
    });
    expect(Math.max(...ttls)).toBeLessThanOrEqual(10_000);
    expect(Math.min(...ttls)).toBeGreaterThanOrEqual(8_000);
    expect(Math.max(...ttls) - Math.min(...ttls)).toBeGreaterThan(1_500);
  });
});

describe('the loader may', () => {
  test('set the TTL of what it found', () => {
    const fleet = new Fleet();
    const load: Loader<number> = ({ setTtl }) => {
      setTtl('2s');
      return 1;
    };
    expect(fleet.settle(fleet.cache().lookup('k', load)).ttl).toBeWithin(1_990, 2_001);
  });

  test('set a TTL of 0, which stores nothing and leaves no lease', () => {
    const fleet = new Fleet();
    const load: Loader<number> = ({ setTtl }) => {
      setTtl(0);
      return 1;
    };
    expect(fleet.settle(fleet.cache().getOrSet('k', load))).toBe(1);
    fleet.run(5);
    expect(fleet.settle(fleet.cache().inspect('k'))).toEqual({ key: 'k' });
  });

  test('skip: hand the value out and store it nowhere', () => {
    const fleet = new Fleet();
    const load: Loader<number> = ({ skip }) => {
      skip();
      return 1;
    };
    const lookup = fleet.settle(fleet.cache().lookup('k', load));
    expect(lookup).toMatchObject({ value: 1, tier: 'source', steps: { l1: { stored: false }, l2: { stored: false } } });
    fleet.run(5);
    expect(fleet.settle(fleet.cache().inspect('k'))).toEqual({ key: 'k' });
  });

  test('add tags that only the value reveals, by setTags or by a function of the value', () => {
    const fleet = new Fleet({ instances: 2 });
    const options = { tags: (value: { org: number }) => [`org:${value.org}`] };
    const load: Loader<{ org: number }> = ({ setTags }) => {
      setTags(['late', 'late']);
      return { org: 7 };
    };
    const read = (index: number) => fleet.settle(fleet.cache(index).lookup('k', load, options));
    expect(read(0).tags.toSorted()).toEqual(['late', 'org:7']);
    expect(read(1)).toMatchObject({ tier: 'l2' });
    for (const tag of ['org:7', 'late']) {
      fleet.settle(fleet.cache(0).invalidate({ tags: [tag] }));
      fleet.run(5);
      expect(read(1).tier).toBe('source');
      expect(read(0).tier).toBe('l2');
    }
  });

  test('not say what makes no sense: its caller hears of it', () => {
    const fleet = new Fleet();
    const load: Loader<number> = ({ setTtl }) => {
      setTtl(-1);
      return 1;
    };
    const error = fleet.failure(fleet.cache().getOrSet('k', load));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option: 'setTtl' });
  });

  test('see the key, and the value that it replaces', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleIfError: '1h' } });
    const seen: unknown[] = [];
    const load: Loader<number> = ({ key, stale }) => {
      seen.push(key, stale);
      return seen.length;
    };
    fleet.settle(fleet.cache().namespace('tenant').getOrSet('k', load));
    fleet.run(1_000);
    fleet.settle(fleet.cache().namespace('tenant').getOrSet('k', load));
    expect(seen).toEqual(['k', undefined, 'k', 2]);
  });

  test('read the cache itself, of another key', () => {
    const fleet = new Fleet();
    const { cache } = fleet.member();
    const outer = cache.getOrSet('outer', async () => (await cache.getOrSet('inner', () => 1)) + 1);
    expect(fleet.settle(outer)).toBe(2);
  });
});

describe('the version of the schema', () => {
  test('keeps the values of another one out, both ways, and leaves them to their own readers', () => {
    const fleet = new Fleet({ instances: 2, version: 1 });
    const next = fleet.join({ version: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'of 1'));
    expect(fleet.settle(next.cache.get('k'))).toBeUndefined();
    expect(fleet.settle(next.cache.lookup('k', () => 'of 2'))).toMatchObject({ value: 'of 2', tier: 'source' });
    expect(fleet.settle(fleet.cache(1).lookup('k', () => 'of 1 again'))).toMatchObject({
      value: 'of 1',
      tier: 'l2',
    });
  });
});
