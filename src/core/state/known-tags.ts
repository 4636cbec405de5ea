import type { EntryId } from '../model/key.ts';
import type { KnownTag, KnownTags } from '../model/tags.ts';
import type { CacheContext } from './context.ts';

/** A record that comes back stays for at least as long. */
const SHORTEST_STAY_MS = 60_000;

/**
 * What this process remembers of tags, for L2 to put in the place of those that it has dropped: entries under them are as
 * good as before. `undefined` where nothing is remembered, or this instance is not proven.
 */
export function knownOf(
  { hasBus, clock, proof, tags: registry }: CacheContext,
  tags: readonly EntryId[],
): KnownTags | undefined {
  const { epoch, seen } = proof;
  const now = clock.now();
  if (!hasBus || epoch === undefined || seen === undefined || !proof.isProven(now)) return undefined;
  let isAny = false;
  const generations = tags.map((tag): KnownTag | undefined => {
    const { generation, keptUntil } = registry.recollect(tag) ?? {};
    if (generation === undefined || keptUntil === undefined) return undefined;
    isAny = true;
    return { ...generation, keepFor: Math.max(keptUntil - now, SHORTEST_STAY_MS) };
  });
  return isAny ? { epoch, sequence: seen, generations } : undefined;
}
