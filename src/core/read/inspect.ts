import { type Entry, type Freshness, freshEnd, freshnessOf } from '../model/entry.ts';
import { type PatternTarget, patternMatcher } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';
import type { CacheContext } from '../state/context.ts';
import { EndedTags } from '../state/ended-tags.ts';
import { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import type { RecentInvalidation } from '../state/recent-invalidations.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { STEP_BUDGET_MS, Sweep } from '../state/sweep.ts';
import { readRecord, weigh } from './get.ts';
import { isHit } from './l1-hit.ts';
import { userTags } from './lookup-result.ts';

/** The copy of an entry in one tier. Durations are milliseconds; `Infinity` never ends. */
export interface InspectedCopy {
  readonly state: Freshness;
  readonly value: unknown;
  readonly age: number;
  /** The time until it is no longer fresh. Negative once it is not. */
  readonly ttl: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  readonly tags: readonly string[];
}

/** The copies of a key in each tier, and its last invalidation. */
export interface Inspection {
  readonly key: string;
  /** The copy in L1. `serves`: true when a read would be answered with it now. */
  readonly l1?: InspectedCopy & { readonly serves: boolean };
  readonly l2?: (InspectedCopy & { readonly kind: 'value' }) | { readonly kind: 'lease' } | { readonly kind: 'void' };
  readonly lastInvalidation?: RecentInvalidation;
}

/** Inspects a key in every tier. It loads, stores and renews nothing. */
export async function inspect(context: CacheContext, request: ReadRequest): Promise<Inspection> {
  const { l1, clock, l2: guard, recent } = context;
  const local = l1.get(request.id);
  const now = clock.now();
  const localCopy = local && copyOf(local, now);
  const l2 = guard && (await inspectL2(context, request));
  const lastInvalidation = recent.latest(request.id, local?.tags.map(({ tag }) => tag) ?? request.tagIds);
  return {
    key: request.key,
    ...(local && localCopy && { l1: { ...localCopy, serves: isHit(context, local, now) } }),
    ...(l2 && { l2 }),
    ...(lastInvalidation && { lastInvalidation }),
  };
}

async function inspectL2(context: CacheContext, request: ReadRequest): Promise<Inspection['l2']> {
  const { l2, clock } = context;
  const record = l2 && (await readRecord(l2, request));
  if (l2 === undefined || record === undefined || record.kind === 'none' || record.kind === 'outcome') return undefined;
  if (record.kind === 'lease') return { kind: 'lease' };
  // The flight is never registered, so that inspecting leaves no trace. It is poisoned, so that the tag generations
  // that it reads are not remembered.
  const setup = { ...flightSetup(context, request, { background: true, mayLoad: false }), tags: [] };
  const onlooker = new Flight<RefillResult>(request.id, clock.now(), setup, new EndedTags());
  onlooker.poison();
  const verdict = await weigh(context, request, onlooker, record.value);
  if (verdict.kind === 'void') return { kind: 'void' };
  const copy = copyOf(verdict.entry, clock.now());
  return copy ? { kind: 'value', ...copy } : { kind: 'void' };
}

function copyOf(entry: Entry, now: number): InspectedCopy | undefined {
  const state = freshnessOf(entry, now);
  if (state === undefined) return undefined;
  return {
    state,
    value: entry.value,
    age: Math.max(now - entry.storedAt, 0),
    ttl: freshEnd(entry) - now,
    staleWhileRevalidate: entry.lifetime.staleWhileRevalidateMs,
    staleIfError: entry.lifetime.staleIfErrorMs,
    tags: userTags(entry.tags),
  };
}

/** The time for which an operator may wait. The walk visits all of L2, so the time limit of a read does not fit it. */
const COUNT_BUDGET_MS = 30_000;

/** Counts the entries that a pattern names in L1 and L2 together; see `CacheView.count`. */
export async function countMatching({ l1, l2, clock, ending }: CacheContext, pattern: PatternTarget): Promise<number> {
  const matches = patternMatcher({ ids: [], tags: [], pattern });
  const here = new Set([...l1.ids()].filter(matches));
  let elsewhere = 0;
  // A sweep removes no entry that this function refuses, and shows it every one. The names are counted and not
  // collected, because L2 may hold more of them than this process has memory for.
  const countOnly = (id: EntryId): boolean => {
    if (matches(id) && !here.has(id)) elsewhere += 1;
    return false;
  };
  const walk = new Sweep(pattern, countOnly, 'delete');
  await l2?.ask({ name: 'count', budgetMs: COUNT_BUDGET_MS + 2 * STEP_BUDGET_MS }, (tier, session) =>
    walk.goOn(clock, tier, session, { until: clock.now() + COUNT_BUDGET_MS, signal: ending }),
  );
  return here.size + elsewhere;
}
