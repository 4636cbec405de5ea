import { globMatcher } from './glob.ts';
import { fromId } from './key.ts';
import type { EntryId, Targets } from './ports.ts';
import type { TagRegistry } from './tags.ts';

/** Nothing at all. */
export const NO_TARGETS: Targets = { ids: [], tags: [], all: false };

/** Everything. */
export const EVERYTHING: Targets = { ids: [], tags: [], all: true };

/** Whether an entry with this id and these tags is named by the targets. */
export function matcherOf(targets: Targets): (id: EntryId, tags: Iterable<EntryId>) => boolean {
  if (targets.all) return () => true;
  const ids = new Set(targets.ids);
  const tags = new Set(targets.tags);
  const matchesPattern = patternMatcher(targets);
  return (id, itsTags) => {
    if (ids.has(id) || matchesPattern(id)) return true;
    if (tags.size > 0) for (const tag of itsTags) if (tags.has(tag)) return true;
    return false;
  };
}

/** Whether an id is named by the targets' pattern. */
export function patternMatcher(targets: Targets): (id: EntryId) => boolean {
  const pattern = targets.pattern;
  if (pattern === undefined) return () => false;
  const matches = globMatcher(pattern.glob);
  return (id) => {
    const { namespace, key } = fromId(id);
    return namespace === pattern.namespace && matches(key);
  };
}

/** What an invalidation needs of L1 and of the tags; narrow, so that tests can stand in for them. */
export interface Cleanable {
  readonly l1: { delete(id: EntryId): void; clear(): void; ids(): Iterable<EntryId> };
  readonly tags: Pick<TagRegistry, 'clear' | 'invalidate'>;
}
