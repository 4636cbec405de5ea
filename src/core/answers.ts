import { type Entry, errorEnd, freshnessOf } from './entry.ts';
import { fromId, ROOT_TAG } from './key.ts';
import type { Lookup } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { Refilled } from './refilled.ts';
import type { TagState } from './tags.ts';

/** What a flight brings when an entry is its answer. */
export function refilledOf(
  entry: Entry,
  state: Refilled['state'],
  tier: Refilled['tier'],
  keptInL1: boolean,
  l2: Refilled['l2'],
  source: Refilled['source'],
): Refilled {
  const { value, storedAt, freshUntil, tags } = entry;
  return { value, tier, state, storedAt, freshUntil, tags, keptInL1, l2, source };
}

/** Tags as the user wrote them; a namespace's own tag has no name and is left out. */
export function userTags(tags: readonly TagState[]): readonly string[] {
  const names: string[] = [];
  for (const { tag } of tags) {
    if (tag === ROOT_TAG) continue;
    const { key } = fromId(tag);
    if (key !== '') names.push(key);
  }
  return names;
}

/** Entries that are made of another one share its list of tags, and hits ask for the names of the same lists again and again. */
const named = new WeakMap<readonly TagState[], readonly string[]>();

/** {@link userTags} of an entry, made once: the same frozen list on every hit. */
export function tagNames(tags: readonly TagState[]): readonly string[] {
  const known = named.get(tags);
  if (known !== undefined) return known;
  const names = Object.freeze(userTags(tags));
  named.set(tags, names);
  return names;
}

/** Whether an entry may answer, flagged as stale, when there is nothing better. */
export function mayServeOnError(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && now < errorEnd(entry) && freshnessOf(entry, now) !== undefined;
}

/** What an entry in L1 answers outright, to whoever asked at `now`. */
export function hitLookup({ clock }: Parts, entry: Entry, now: number): Lookup<unknown> {
  return {
    value: entry.value,
    tier: 'l1',
    state: 'fresh',
    age: now - entry.storedAt,
    ttl: entry.freshUntil - now,
    collapsed: false,
    tags: tagNames(entry.tags),
    steps: { l1: { outcome: 'hit', stored: false, collapsed: false, durationMs: clock.now() - now } },
  };
}
