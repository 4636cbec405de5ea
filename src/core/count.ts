import type { PatternTarget } from './invalidation.ts';
import type { EntryId } from './key.ts';
import type { Parts } from './parts.ts';
import { patternMatcher } from './targets.ts';

/** L2 has to be walked from end to end, so this is as long as an operator may be kept waiting, not a share of a read. */
const COUNT_BUDGET_MS = 30_000;

/** How many entries a pattern names in L1 and L2 together; see `CacheView.count`. */
export async function countMatching({ l1, remote }: Parts, pattern: PatternTarget): Promise<number> {
  const matches = patternMatcher({ ids: [], tags: [], pattern });
  const here = new Set([...l1.ids()].filter(matches));
  let elsewhere = 0;
  // A sweep that is told "no" of every entry removes nothing, and has shown them all. Counted, not collected: L2 may
  // hold more names than fit into this process.
  const countOnly = (id: EntryId): boolean => {
    if (matches(id) && !here.has(id)) elsewhere += 1;
    return false;
  };
  await remote?.ask({ name: 'count', budgetMs: COUNT_BUDGET_MS }, (tier, { generation }) =>
    tier.sweep(generation, pattern.namespace, countOnly, 'delete'),
  );
  return here.size + elsewhere;
}
