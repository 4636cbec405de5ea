import { type Entry, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { type EntryId, isNamespaced } from '../model/key.ts';
import { ATTRIBUTE } from '../model/telemetry-names.ts';
import type { CacheContext } from '../state/context.ts';

/**
 * True when an entry answers without any question. It is fresh and within L1's own TTL, and none of its tags has ended.
 * This instance is proven to have missed no invalidation, or loaded the value within D. The hot path has only this
 * check, and all of it compares numbers or references.
 */
export function isHit(context: CacheContext, entry: Entry, now: number): boolean {
  return now < entry.hitUntil && isTrusted(context, entry, now) && tagsAreCurrent(entry.tags);
}

/** {@link isHit} for callers who would not refresh the value. A value whose refresh is due is still fresh for them. */
export function isFreshHere(context: CacheContext, entry: Entry, now: number): boolean {
  return now < entry.localUntil && isTrusted(context, entry, now) && freshnessOf(entry, now) === 'fresh';
}

export function isTrusted({ proof, maxLagMs }: CacheContext, entry: Entry, now: number): boolean {
  return proof.isProven(now) || (now - entry.loadBeganAt <= maxLagMs && entry.loadBeganAt > proof.awokeAt);
}

/** The hot path: returns the entry of L1 that answers without any question, and counts a hit. */
export function hitOf(context: CacheContext, id: EntryId, key: string): Entry | undefined {
  try {
    const entry = context.l1.hits.get(id);
    if (entry === undefined || !isHit(context, entry, context.clock.now())) return undefined;
    return counted(context, entry, key);
  } catch (error) {
    return context.l1.failed(error, id);
  }
}

/**
 * {@link hitOf} for callers who would not refresh the value. The check of one function for both could not be inlined.
 */
export function freshOf(context: CacheContext, id: EntryId, key: string): Entry | undefined {
  const entry = context.l1.get(id);
  if (entry === undefined || !isFreshHere(context, entry, context.clock.now())) return undefined;
  return counted(context, entry, key);
}

/** Counts a hit. Only valid keys are in L1, so one check is left: the key may be the id of an entry of a namespace. */
function counted(context: CacheContext, entry: Entry, key: string): Entry | undefined {
  if (isNamespaced(key)) return undefined;
  entry.counters.l1Hits += 1;
  context.tracer.tag(L1_HIT);
  return entry;
}

/** The attributes of the active span. */
export const L1_HIT = { [ATTRIBUTE.tier]: 'l1', [ATTRIBUTE.outcome]: 'hit', [ATTRIBUTE.hit]: true };
