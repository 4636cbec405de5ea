import { globMatcher } from './glob.ts';
import type { Targets } from './invalidation.ts';
import type { EntryId } from './key.ts';
import { fromId, ROOT_TAG } from './key.ts';

/** Everything. */
export const EVERYTHING: Targets = { ids: [], tags: [ROOT_TAG] };

/** Whether an entry with this id and these tags is named by the targets. */
export function matcherOf(targets: Targets): (id: EntryId, tags: Iterable<EntryId>) => boolean {
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

/** Whether the targets name everything there is. */
export function namesEverything({ tags }: Targets): boolean {
  return tags.includes(ROOT_TAG);
}
