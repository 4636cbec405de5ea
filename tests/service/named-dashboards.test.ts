import { describe, expect, test } from 'bun:test';
import type { Targets } from '../../src/core/model/invalidation.ts';
import { ROOT_TAG } from '../../src/core/model/key.ts';
import { RefresherBench } from './refresher-bench.ts';

describe('all dashboards', () => {
  const reasons: [name: string, targets: Partial<Targets>][] = [
    ['their tag', { tags: ['dashboards'] }],
    ['a flush', { tags: [ROOT_TAG] }],
    ['a pattern', { pattern: { namespace: '', glob: 'product:*' } }],
    [
      'more than a thousand of them',
      { ids: Array.from({ length: 1_001 }, (_, index) => `dashboard:org:${index + 1}`) },
    ],
  ];
  for (const [name, targets] of reasons) {
    test(`are named by ${name}, and told by their tag`, async () => {
      const bench = await RefresherBench.make();
      bench.invalidated({ ids: ['dashboard:org:1'] });
      bench.invalidated(targets);
      bench.invalidated({ ids: ['dashboard:org:2'] });
      bench.pass(1_000);
      expect(bench.told.map(([told]) => told)).toEqual([{ keys: [], tags: ['dashboards'] }]);
      expect(bench.isAtRest()).toBe(true);
    });
  }

  test('of one org are one, and a thousand are told by their keys', async () => {
    const bench = await RefresherBench.make();
    const keys = Array.from({ length: 1_000 }, (_, index) => `dashboard:org:${index + 1}`);
    bench.invalidated({ tags: ['org:1'] });
    bench.invalidated({ ids: keys });
    bench.pass(1_000);
    expect(bench.told.map(([told]) => told)).toEqual([{ keys, tags: [] }]);
  });
});
