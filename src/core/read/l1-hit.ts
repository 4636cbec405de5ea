import { type Entry, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { type EntryId, isNamespaced } from '../model/key.ts';
import { ATTRIBUTE } from '../model/telemetry-names.ts';
import type { CacheContext } from '../state/context.ts';

/**
 * Whether an entry answers without any further question: fresh, within L1's own TTL, none of its tags ended, and this
 * instance either proven to have missed no invalidation or the value loaded here within the bound.
 * The one check on the hot path; everything in it is a comparison of numbers or references.
 */
export function isHit(context: CacheContext, entry: Entry, now: number): boolean {
  return now < entry.hitUntil && isTrusted(context, entry, now) && tagsAreCurrent(entry.tags);
}

/** {@link isHit} for callers who would not refresh the value: one that is due for it is fresh all the same. */
export function isFreshHere(context: CacheContext, entry: Entry, now: number): boolean {
  return now < entry.localUntil && isTrusted(context, entry, now) && freshnessOf(entry, now) === 'fresh';
}

export function isTrusted({ proof, maxLagMs }: CacheContext, entry: Entry, now: number): boolean {
  return proof.isProven(now) || (now - entry.loadBeganAt <= maxLagMs && entry.loadBeganAt > proof.awokeAt);
}

/** The hot path: the entry of L1 that answers without any question, counted as a hit. */
export function hitOf(context: CacheContext, id: EntryId, key: string): Entry | undefined {
  try {
    const entry = context.l1.hits.get(id);
    if (entry === undefined || !isHit(context, entry, context.clock.now())) return undefined;
    return counted(context, entry, key);
  } catch (error) {
    return context.l1.failed(error, id);
  }
}

/** {@link hitOf} for callers who would not refresh the value; not one function with it, whose check could not be inlined. */
export function freshOf(context: CacheContext, id: EntryId, key: string): Entry | undefined {
  const entry = context.l1.get(id);
  if (entry === undefined || !isFreshHere(context, entry, context.clock.now())) return undefined;
  return counted(context, entry, key);
}

/** Only a good key is in L1, so what is found needs no check but one: whether the key is the id of a namespace's entry. */
function counted(context: CacheContext, entry: Entry, key: string): Entry | undefined {
  if (isNamespaced(key)) return undefined;
  entry.counters.l1Hits += 1;
  context.tracer.tag(L1_HIT);
  return entry;
}

/** What the active span is told. */
export const L1_HIT = { [ATTRIBUTE.tier]: 'l1', [ATTRIBUTE.outcome]: 'hit', [ATTRIBUTE.hit]: true };
