import { describe, expect, test } from 'bun:test';
import { KnownIds } from '../../../../src/core/state/id-cache.ts';
import { Fleet } from '../../../support/core-fixture.ts';

describe('ids that are remembered', () => {
  test('are bounded over all namespaces together', () => {
    const known = new KnownIds();
    const spaces = Array.from({ length: 30 }, () => new Map<string, string>());
    const size = () => spaces.reduce((sum, ids) => sum + ids.size, 0);
    let most = 0;
    for (let index = 0; index < 25_000; index += 1) {
      known.remember(spaces[index % spaces.length] ?? new Map(), `k${index}`, `id ${index}`);
      most = Math.max(most, size());
    }
    expect(most).toBe(10_000);
    expect(size()).toBe(5_000);
  });

  test('are those of short keys', () => {
    const ids = new Map<string, string>();
    new KnownIds().remember(ids, 'k'.repeat(129), 'id');
    expect(ids.size).toBe(0);
  });

  test('are of the namespace that they were remembered in', () => {
    const fleet = new Fleet();
    const [one, two] = [fleet.cache().namespace('one'), fleet.cache().namespace('two')];
    for (const [space, value] of [
      [one, 1],
      [two, 2],
    ] as const) {
      for (let read = 0; read < 3; read += 1) expect(fleet.settle(space.getOrSet('k', () => value))).toBe(value);
    }
    fleet.settle(one.delete('k'));
    expect([one.peek<number>('k'), two.peek<number>('k')]).toEqual([undefined, 2]);
  });
});
