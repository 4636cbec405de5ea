import { type Entry, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { type EntryId, isNamespaced } from '../model/key.ts';
import { ATTRIBUTE } from '../model/telemetry-names.ts';
import type { Parts } from '../state/context.ts';

/**
 * Whether an entry answers without any further question: fresh, within L1's own TTL, none of its tags ended, and this
 * instance either proven to have missed no invalidation or the value loaded here within the bound.
 * The one check on the hot path; everything in it is a comparison of numbers or references.
 */
export function isHit(parts: Parts, entry: Entry, now: number): boolean {
  return now < entry.hitUntil && isTrusted(parts, entry, now) && tagsAreCurrent(entry.tags);
}

/** {@link isHit} for callers who would not refresh the value: one that is due for it is fresh all the same. */
export function isFreshHere(parts: Parts, entry: Entry, now: number): boolean {
  return now < entry.localUntil && isTrusted(parts, entry, now) && freshnessOf(entry, now) === 'fresh';
}

export function isTrusted({ proof, maxLagMs }: Parts, entry: Entry, now: number): boolean {
  return proof.isProven(now) || (now - entry.loadBeganAt <= maxLagMs && entry.loadBeganAt > proof.awokeAt);
}

/** The hot path: the entry of L1 that answers without any question, counted as a hit. */
export function hitOf(parts: Parts, id: EntryId, key: string): Entry | undefined {
  try {
    const entry = parts.l1.hits.get(id);
    if (entry === undefined || !isHit(parts, entry, parts.clock.now())) return undefined;
    return counted(parts, entry, key);
  } catch (error) {
    return parts.l1.failed(error, id);
  }
}

/** {@link hitOf} for callers who would not refresh the value; not one function with it, whose check could not be inlined. */
export function freshOf(parts: Parts, id: EntryId, key: string): Entry | undefined {
  const entry = parts.l1.get(id);
  if (entry === undefined || !isFreshHere(parts, entry, parts.clock.now())) return undefined;
  return counted(parts, entry, key);
}

/** Only a good key is in L1, so what is found needs no check but one: whether the key is the id of a namespace's entry. */
function counted(parts: Parts, entry: Entry, key: string): Entry | undefined {
  if (isNamespaced(key)) return undefined;
  entry.counters.l1Hits += 1;
  parts.tracer.tag(L1_HIT);
  return entry;
}

/** What the active span is told. */
export const L1_HIT = { [ATTRIBUTE.tier]: 'l1', [ATTRIBUTE.outcome]: 'hit', [ATTRIBUTE.hit]: true };
