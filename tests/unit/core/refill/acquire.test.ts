import { describe, expect, test } from 'bun:test';
import { Fleet } from '../../../support/core-fixture.ts';

const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);

/** Asks one instance for all of them in one turn. */
function readAll(fleet: Fleet, index: number, names: readonly string[], value: unknown = 'new') {
  return fleet.settle(Promise.all(names.map((key) => fleet.cache(index).lookup(key, () => value))));
}

describe('keys that are asked for in one turn', () => {
  test('are one request, however many of them L2 holds', () => {
    const fleet = new Fleet({ instances: 2 });
    readAll(fleet, 0, keys(3), 'old');
    const { calls } = fleet.member(1);
    const lookups = readAll(fleet, 1, keys(5));
    expect(lookups.map(({ tier }) => tier)).toEqual(['l2', 'l2', 'l2', 'source', 'source']);
    expect(calls.map(({ operation }) => operation)).toEqual(['acquireMany', 'tagGenerations', 'fill', 'fill']);
    expect(readAll(fleet, 0, keys(5)).map(({ value }) => value)).toEqual(['old', 'old', 'old', 'new', 'new']);
  });

  test('are several requests beyond 250', () => {
    const fleet = new Fleet();
    readAll(fleet, 0, keys(251));
    const asked = fleet.member().calls.filter(({ operation }) => operation.startsWith('acquire'));
    expect(asked.map(({ operation }) => operation)).toEqual(['acquireMany', 'acquire']);
  });

  test('are asked for apart where their terms differ', () => {
    const fleet = new Fleet();
    const { cache, calls } = fleet.member();
    const budgets = [50, 50, 60];
    const reads = budgets.map((l2Timeout, index) => cache.getOrSet(`k${index}`, () => 1, { l2Timeout }));
    fleet.settle(Promise.all(reads));
    expect(calls.filter(({ operation }) => operation.startsWith('acquire')).map(({ names }) => names)).toEqual([
      'k0 k1',
      'k2',
    ]);
  });

  test('and of which one is asked for twice never share its lease', () => {
    const fleet = new Fleet();
    const { cache, calls } = fleet.member();
    const order: string[] = [];
    const load = (name: string) => () => {
      order.push(name);
      return name;
    };
    const both = [cache.lookup('k', load('read')), cache.lookup('k', load('anew'), { forceFresh: true })];
    fleet.settle(Promise.all(both));
    expect(calls.filter(({ operation }) => operation === 'acquire')).toHaveLength(2);
    // The second found the first one's lease, and loads without the right to fill.
    expect(calls.filter(({ operation }) => operation === 'fill')).toHaveLength(1);
    expect(order).toEqual(expect.arrayContaining(['read', 'anew']));
  });

  test('fail alone where one of them is refused', () => {
    const fleet = new Fleet({ instances: 2 });
    readAll(fleet, 0, ['k0'], 'old');
    fleet.server.full = true;
    const { failures, cache } = fleet.member(1);
    const lookups = readAll(fleet, 1, keys(2));
    expect(lookups.map(({ tier }) => tier)).toEqual(['l2', 'source']);
    expect(lookups[1]?.steps.l2).toMatchObject({ outcome: 'bypass', reason: 'error' });
    expect(failures.map(({ operation, key }) => `${operation} ${key}`)).toEqual(['acquire k1']);
    // A full server is alive.
    expect(cache.health().l2?.breaker).toBe('closed');
  });

  test('give back the leases that arrive when no caller waits any more', () => {
    const fleet = new Fleet();
    const reply = fleet.hold('reply', 'i0.data acquireMany');
    const { calls, events } = fleet.member();
    const lookups = readAll(fleet, 0, keys(2));
    expect(lookups.map(({ steps }) => steps.l2?.reason)).toEqual(['timeout', 'timeout']);
    expect(events.filter(({ type }) => type === 'l2_timeout')).toHaveLength(2);
    reply.open();
    fleet.run(10);
    expect(calls.filter(({ operation }) => operation === 'release').map(({ names }) => names)).toEqual(['k0', 'k1']);
  });

  test('are one call to the breaker, however many they are', () => {
    const fleet = new Fleet();
    const { l2, cache } = fleet.member();
    readAll(fleet, 0, keys(20));
    l2.fail('unavailable', { only: 'acquireMany' });
    for (let turn = 1; turn <= 3; turn += 1) {
      readAll(fleet, 0, keys(20 + 40 * turn).slice(-40));
      expect(cache.health().l2?.breaker).toBe(turn < 3 ? 'closed' : 'open');
    }
  });

  test('learn the generations of their tags together', () => {
    const fleet = new Fleet({ instances: 2 });
    const read = (index: number) =>
      fleet.settle(
        Promise.all(keys(4).map((key, n) => fleet.cache(index).lookup(key, () => n, { tags: [`t${n % 2}`] }))),
      );
    read(0);
    const { calls } = fleet.member(1);
    expect(read(1).map(({ tier }) => tier)).toEqual(['l2', 'l2', 'l2', 'l2']);
    expect(calls.map(({ operation }) => operation)).toEqual(['acquireMany', 'tagGenerations']);
    fleet.settle(fleet.cache(0).invalidate({ tags: ['t1'] }));
    fleet.run(10);
    expect(read(1).map(({ tier }) => tier)).toEqual(['l1', 'source', 'l1', 'source']);
  });
});
