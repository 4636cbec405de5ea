import type { EntryId } from '../model/key.ts';
import type { KnownTag, KnownTags } from '../model/tags.ts';
import type { CacheContext } from './context.ts';

/** The least time for which L2 keeps a record that is put back. */
const SHORTEST_STAY_MS = 60_000;

/**
 * Returns the tag generations that this process remembers. L2 puts them in place of records that it has evicted, so
 * that entries under these tags stay valid (protocol, race 57). `undefined` when nothing is remembered or this instance
 * is not proven.
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
