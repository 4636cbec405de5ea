import { describe, expect, test } from 'bun:test';
import { InvalidOptionError, type LoaderContext } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const NAMES = Array.from({ length: 20 }, (_, index) => `k${index}`);

describe('the breaker of L2', () => {
  for (const [failure, breaker] of [
    ['invalid', 'closed'],
    ['denied', 'closed'],
    ['error', 'open'],
  ] as const) {
    test(`is ${breaker} after 20 calls that failed as ${failure}`, () => {
      const fleet = new Fleet();
      fleet.member().l2.fail(failure, { only: 'acquire' });
      for (const name of NAMES) expect(fleet.settle(fleet.cache().getOrSet(name, () => name))).toBe(name);
      expect(fleet.cache().health().l2).toMatchObject({ breaker });
      expect(fleet.member().failures.length).toBeGreaterThan(0);
    });
  }

  test('does not hear of a TTL that no server takes: the call itself is refused', () => {
    const fleet = new Fleet();
    for (const options of [{ ttl: Number.MAX_VALUE }, { staleIfError: 1e17 }, { lease: 1e300 }]) {
      const error = fleet.failure(fleet.cache().getOrSet('k', () => 1, options));
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(String(error)).toContain(Object.keys(options)[0] ?? '');
    }
    const load = ({ setTtl }: LoaderContext): null => {
      setTtl(Number.MAX_VALUE);
      return null;
    };
    const late = fleet.failure(fleet.cache().getOrSet('k', load));
    expect(String(late)).toContain('setTtl');
    expect(fleet.settle(fleet.cache().getOrSet('k', () => 1, { ttl: Infinity }))).toBe(1);
    expect(fleet.cache().health().l2).toMatchObject({ breaker: 'closed' });
  });
});
