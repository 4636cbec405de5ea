import { type Entry, errorEnd, freshnessOf } from './entry.ts';
import { type EntryId, fromId } from './key.ts';
import type { Refilled } from './refilled.ts';

/** The part of an answer that an entry determines. */
export function answerOf(
  entry: Entry,
  state: Refilled['state'],
  tier: Refilled['tier'],
): Pick<Refilled, 'value' | 'tier' | 'state' | 'storedAt' | 'freshUntil' | 'tagIds'> {
  return {
    value: entry.value,
    tier,
    state,
    storedAt: entry.storedAt,
    freshUntil: entry.freshUntil,
    tagIds: entry.tags.map(({ tag }) => tag),
  };
}

/** Tags as the user wrote them; a namespace's own tag has no name and is left out. */
export function userTags(tagIds: readonly EntryId[]): readonly string[] {
  const names: string[] = [];
  for (const tag of tagIds) {
    const { key } = fromId(tag);
    if (key !== '') names.push(key);
  }
  return names;
}

/** Whether an entry may answer, flagged as stale, when there is nothing better. */
export function mayServeOnError(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && now < errorEnd(entry) && freshnessOf(entry, now) !== undefined;
}
