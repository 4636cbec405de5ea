import { describe, expect, test } from 'bun:test';
import { Fleet } from '../../../support/core-fixture.ts';

const MINUTE = 60_000;
const OPTIONS = { ttl: '1h', staleIfError: '10m', tags: ['org:3'] } as const;

const failing = (): Promise<string> => Promise.reject(new Error('the source fails'));

/** Two instances, of which the second has never read the value that the first has stored. */
function withStoredValue(ageMs: number): Fleet {
  const fleet = new Fleet({ instances: 2 });
  fleet.settle(fleet.cache(0).getOrSet('k', () => 'value', OPTIONS));
  fleet.run(ageMs);
  return fleet;
}

const expireTag = (fleet: Fleet) => fleet.settle(fleet.cache(0).invalidate({ tags: ['org:3'], mode: 'expire' }));

describe('staleIfError after a tag was expired', () => {
  test('counts from the expiry, also for a value that L2 alone holds', () => {
    const fleet = withStoredValue(30 * MINUTE);
    expireTag(fleet);
    fleet.run(9 * MINUTE);
    const { value, state, ttl } = fleet.settle(fleet.cache(1).lookup('k', failing, OPTIONS));
    expect([value, state]).toEqual(['value', 'stale']);
    expect(ttl).toBeWithin(-9 * MINUTE - 2_000, -9 * MINUTE + 2_000);
  });

  test('ends with its window', () => {
    const fleet = withStoredValue(30 * MINUTE);
    expireTag(fleet);
    fleet.run(11 * MINUTE);
    expect(String(fleet.failure(fleet.cache(1).getOrSet('k', failing, OPTIONS)))).toContain('the source fails');
  });

  test('ends no later than it would have without the expiry', () => {
    const fleet = withStoredValue(59 * MINUTE);
    expireTag(fleet);
    fleet.run(5 * MINUTE);
    expireTag(fleet);
    fleet.run(7 * MINUTE);
    expect(String(fleet.failure(fleet.cache(1).getOrSet('k', failing, OPTIONS)))).toContain('the source fails');
  });

  test('is over for a value whose tag was deleted', () => {
    const fleet = withStoredValue(30 * MINUTE);
    expireTag(fleet);
    fleet.settle(fleet.cache(0).invalidate({ tags: ['org:3'] }));
    expect(String(fleet.failure(fleet.cache(1).getOrSet('k', failing, OPTIONS)))).toContain('the source fails');
  });
});
