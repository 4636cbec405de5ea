import { type Entry, freshnessOf } from '../model/entry.ts';
import { fromId, ROOT_TAG } from '../model/key.ts';
import type { Lookup, LookupSteps, TierStep } from '../model/lookup.ts';
import type { TagState } from '../model/tags.ts';
import { ATTRIBUTE } from '../model/telemetry-names.ts';
import type { Attributes } from '../ports/tracer.ts';
import type { CacheContext } from '../state/context.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';

/** Returns tags as the user wrote them. The tag of a namespace has no such name and is left out. */
export function userTags(tags: readonly TagState[]): readonly string[] {
  const names: string[] = [];
  for (const { tag } of tags) {
    if (tag === ROOT_TAG) continue;
    const { key } = fromId(tag);
    if (key !== '') names.push(key);
  }
  return names;
}

/**
 * The names of each list of tags. Entries that are made from another entry share its list, so hits ask for the same
 * lists.
 */
const named = new WeakMap<readonly TagState[], readonly string[]>();

/** {@link userTags} of an entry, made once: every hit gets the same frozen list. */
export function tagNames(tags: readonly TagState[]): readonly string[] {
  const known = named.get(tags);
  if (known !== undefined) return known;
  const names = Object.freeze(userTags(tags));
  named.set(tags, names);
  return names;
}

/** Returns the lookup of a hit in L1 for a caller that asked at `now`. */
export function hitLookup({ clock }: CacheContext, entry: Entry, now: number): Lookup<unknown> {
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

/** Returns the outcome of an entry that cannot answer: `stale` when it has expired, otherwise `miss`. */
export function missOf(entry: Entry | undefined, now: number): 'stale' | 'miss' {
  const isStale = entry !== undefined && freshnessOf(entry, now) !== undefined && now >= entry.freshUntil;
  return isStale ? 'stale' : 'miss';
}

/** Turns the result of a flight into the lookup of one caller. */
export function lookupOf(context: CacheContext, result: RefillResult, l1: TierStep, began: number): Lookup<unknown> {
  const now = context.clock.now();
  const { value, tier, state, storedAt, freshUntil, tags, l2, source } = result;
  return {
    value,
    tier,
    state,
    age: Math.max(now - storedAt, 0),
    // A value that replaces a failed load may have time left. Its answer counts as stale from this moment on.
    ttl: state === 'stale' ? Math.min(freshUntil - now, 0) : freshUntil - now,
    collapsed: l1.collapsed,
    tags: userTags(tags),
    steps: stepsOf(l1.outcome === 'hit' ? { ...l1, durationMs: now - began } : l1, l2, source),
  };
}

/** Collects the steps of a lookup. Tiers that were not asked are absent. */
function stepsOf(l1: TierStep, l2: LookupSteps['l2'], source: LookupSteps['source']): LookupSteps {
  if (source === undefined) return l2 === undefined ? { l1 } : { l1, l2 };
  return l2 === undefined ? { l1, source } : { l1, l2, source };
}

/** Counts a lookup and reports it. */
export function reportLookup(context: CacheContext, request: ReadRequest, lookup: Lookup<unknown>): void {
  count(request, lookup, lookup.steps.source);
  context.emit({ type: 'lookup', key: request.key, lookup });
}

/** Counts a failed lookup and reports it. Returns its error. */
export function reportFailure(context: CacheContext, { counters, key }: ReadRequest, error: unknown): unknown {
  counters.errors += 1;
  context.emit({ type: 'lookup_failed', key, error });
  return error;
}

export function count(
  { counters }: Pick<ReadRequest, 'counters'>,
  { tier, state }: Pick<RefillResult, 'tier' | 'state'>,
  source: RefillResult['source'],
): void {
  if (tier === 'l1') counters[state === 'fresh' ? 'l1Hits' : 'l1Stale'] += 1;
  else if (tier === 'l2') counters[state === 'fresh' ? 'l2Hits' : 'l2Stale'] += 1;
  if (source?.outcome === 'loaded' || tier === 'source') counters.misses += 1;
}

function outcomeOf({ state, tier }: Pick<RefillResult, 'state' | 'tier'>): 'stale' | 'load' | 'hit' {
  if (state === 'stale') return 'stale';
  return tier === 'source' ? 'load' : 'hit';
}

/** Returns the attributes of a lookup for its span. */
export function outcomeAttributes(
  { l2 }: CacheContext,
  { tier, state, collapsed, steps }: Lookup<unknown>,
): Attributes {
  const reason = steps.l2?.reason ?? steps.l1?.reason;
  return {
    [ATTRIBUTE.tier]: tier,
    [ATTRIBUTE.outcome]: outcomeOf({ state, tier }),
    [ATTRIBUTE.hit]: tier !== 'source',
    [ATTRIBUTE.stale]: state === 'stale',
    [ATTRIBUTE.collapsed]: collapsed || (steps.l2?.collapsed ?? false),
    ...(l2 && { [ATTRIBUTE.breakerState]: l2.breaker.state.kind }),
    ...(reason !== undefined && { [ATTRIBUTE.bypassReason]: reason }),
  };
}
