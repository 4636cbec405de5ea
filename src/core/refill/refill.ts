import { type Entry, freshnessOf, mayServeOnError, tagsAreCurrent } from '../model/entry.ts';
import { recordStayMs } from '../model/lifetime.ts';
import type { BypassReason, TierStep } from '../model/lookup.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { RemoteError } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { type RefillResult, toRefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { type AskedL2, type FirstAnswer, type L2Answer, L2Question } from './ask-l2.ts';
import { keepTags } from './generations.ts';
import { type Lease, leaveOutcome, releaseLease } from './lease.ts';
import { loadFor } from './load.ts';
import { buildLoadedEntry, type LoadedEntry } from './loaded-entry.ts';
import { packed, tooLong } from './stored-value.ts';
import { readUnrepaired } from './unrepaired.ts';

/** After a failed load with a stale value at hand, the next try waits so long, shortened by up to half at random. */
const ERROR_BACKOFF_MS = 1_000;

/** After finding that somebody else refreshes, this instance looks again after so long. */
const REFRESH_POLL_MS = 50;

/**
 * What one flight does, in this order: ask L2; else load, fill L2 if there is a right to, keep in L1 if nothing has
 * spoken against it. The same for everyone: readers, refreshes, `forceFresh`.
 * @param first What L2 was asked already, and has answered.
 */
export async function refill(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  first?: FirstAnswer,
): Promise<RefillResult> {
  const local = context.l1.get(request.id);
  offerStale(context, flight, { entry: local, tier: 'l1' }, undefined);
  const { answer, step } = await askL2(context, request, flight, first);
  if (answer.kind === 'entry') {
    const kept = storeInL1(context, flight, answer.entry);
    return toRefillResult(answer.entry, answer.state, 'l2', kept, step, undefined);
  }
  const isUntrusted = answer.kind === 'no-right' && answer.reason === 'untrusted';
  const found = answer.candidate ?? (isUntrusted ? await offerUnrepaired(context, request, flight, step) : undefined);
  const fallback: Fallback = found === undefined ? { entry: local, tier: 'l1' } : { entry: found, tier: 'l2' };
  if (answer.kind === 'elsewhere') {
    const [entry, tier] = local === undefined ? [found, 'l2' as const] : [local, 'l1' as const];
    if (entry !== undefined) return standBack(context, flight, entry, tier, step);
  }
  return loadAndStore(context, request, flight, answer, step, fallback);
}

/** Reads the value of an L2 that is not repaired. It serves callers whose load fails or whose `softTimeout` runs out. */
async function offerUnrepaired(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  step: TierStep | undefined,
): Promise<Entry | undefined> {
  const entry = context.l2 && (await readUnrepaired(context, context.l2, request, flight));
  if (entry !== undefined) offerStale(context, flight, { entry, tier: 'l2' }, step);
  return entry;
}

/** A value that serves if the load fails, and where it was found. */
export interface Fallback {
  readonly entry: Entry | undefined;
  readonly tier: 'l1' | 'l2';
}

interface AnswerAndStep {
  readonly answer: L2Answer & { generations?: AskedL2['generations'] };
  readonly step: TierStep | undefined;
}

const NO_L2: AnswerAndStep = { answer: { kind: 'no-right', reason: undefined, candidate: undefined }, step: undefined };

async function askL2(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  first: FirstAnswer | undefined,
): Promise<AnswerAndStep> {
  const { l2, clock, tracer } = context;
  if (l2 === undefined) {
    flight.goOn('further-questions');
    return NO_L2;
  }
  const reason = flight.undelivered.covers(request.id, request.tagIds) ? 'pending' : l2.refusal;
  if (reason !== undefined && first === undefined) {
    flight.goOn('further-questions');
    return { answer: { kind: 'no-right', reason, candidate: undefined }, step: stepOf('bypass', reason, false, 0) };
  }
  const began = first === undefined ? clock.now() : flight.beganAt;
  return tracer.trace(SPAN.l2Get, { [ATTRIBUTE.dbSystem]: l2.tier.system }, async (span) => {
    const onCandidate = (entry: Entry): void => {
      const step = stepOf('stale', undefined, false, clock.now() - began);
      offerStale(context, flight, { entry, tier: 'l2' }, step);
      offerStandIn(context, flight, entry, step);
    };
    const question = new L2Question(context, l2, request, flight, onCandidate, first);
    const { answer, generations, collapsed } = await question.ask();
    const durationMs = clock.now() - began;
    const reason = answer.kind === 'no-right' ? answer.reason : undefined;
    span.set(
      reason === undefined ? { [ATTRIBUTE.hit]: answer.kind === 'entry' } : { [ATTRIBUTE.bypassReason]: reason },
    );
    return { answer: { ...answer, generations }, step: stepOf(outcomeOf(answer), reason, collapsed, durationMs) };
  });
}

function outcomeOf(answer: L2Answer): TierStep['outcome'] {
  switch (answer.kind) {
    case 'entry':
      return answer.state === 'fresh' ? 'hit' : 'stale';
    case 'elsewhere':
      return 'miss';
    case 'mine':
      return answer.candidate === undefined ? 'miss' : 'stale';
    case 'no-right':
      if (answer.reason !== undefined) return 'bypass';
      return answer.candidate === undefined ? 'miss' : 'stale';
  }
}

export function stepOf(
  outcome: TierStep['outcome'],
  reason: BypassReason | undefined,
  collapsed: boolean,
  durationMs: number,
): TierStep {
  return { outcome, reason, stored: false, collapsed, durationMs };
}

/** A background refresh that another instance has in hand: what is here serves on, and is looked at again soon. */
function standBack(
  context: CacheContext,
  flight: Flight<RefillResult>,
  held: Entry,
  tier: Fallback['tier'],
  l2: TierStep | undefined,
): RefillResult {
  const isStill =
    context.l1.get(flight.id) === held &&
    context.l1.set(flight.id, { ...held, retryAt: context.clock.now() + REFRESH_POLL_MS });
  return toRefillResult(held, 'stale', tier, isStill, l2, undefined);
}

async function loadAndStore(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  answer: AnswerAndStep['answer'],
  l2: TierStep | undefined,
  fallback: Fallback,
): Promise<RefillResult> {
  const lease = answer.kind === 'mine' ? answer.lease : undefined;
  const began = context.clock.now();
  let product: LoadedEntry;
  try {
    const loaded = await loadFor(context, request, flight, fallback.entry, lease);
    const generations = answer.generations ?? new Map();
    product = await buildLoadedEntry(context, request, flight, loaded, generations, lease !== undefined);
  } catch (error) {
    const durationMs = context.clock.now() - began;
    // A load that was given up says nothing about the source.
    if (flight.signal.aborted) releaseLease(context, request, lease);
    else leaveOutcome(context, request, lease, { outcome: 'failed', loadMs: durationMs });
    return serveStale(context, request, flight, fallback, l2, error, durationMs);
  }
  const source = { outcome: 'loaded', durationMs: context.clock.now() - began } as const;
  const fill = await fillL2(context, request, flight, lease, product);
  // Refused means that an invalidation has passed; its message may not have arrived here yet.
  const kept =
    product.mayKeepInL1 && fill.outcome !== 'refused'
      ? storeInL1(context, flight, product.entry)
      : dropFromL1(context, flight);
  const step = l2 && { ...l2, stored: fill.outcome === 'stored', durationMs: l2.durationMs + fill.durationMs };
  return toRefillResult(product.entry, 'fresh', 'source', kept, step, source);
}

interface FillOutcome {
  readonly outcome: 'stored' | 'refused' | 'failed' | 'not-tried';
  readonly durationMs: number;
}

const NOT_TRIED: FillOutcome = { outcome: 'not-tried', durationMs: 0 };

async function fillL2(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  lease: Lease | undefined,
  loaded: LoadedEntry,
): Promise<FillOutcome> {
  const { l2, clock, random, tracer, counters, emit } = context;
  if (l2 === undefined || lease === undefined) return NOT_TRIED;
  const notStored = { outcome: 'not-stored', loadMs: loaded.entry.loadMs } as const;
  if (!loaded.isWanted) {
    leaveOutcome(context, request, lease, notStored);
    return NOT_TRIED;
  }
  if (!loaded.mayFillL2 || flight.poisoned || !tagsAreCurrent(flight.tags)) {
    releaseLease(context, request, lease);
    return NOT_TRIED;
  }
  const { id, key, options } = request;
  let body: LoadedEntry['body'];
  try {
    const error = tooLong(context, loaded.body, key);
    if (error !== undefined) throw error;
    body = packed(context, loaded.body);
  } catch (error) {
    const { background } = flight;
    emit({ type: 'tier_failure', error, operation: 'fill', tier: 'l2', key, background });
    counters.fillsFailed += 1;
    leaveOutcome(context, request, lease, notStored);
    return NOT_TRIED;
  }
  const began = clock.now();
  const filled = await tracer.trace(SPAN.l2Fill, { [ATTRIBUTE.dbSystem]: l2.tier.system }, () =>
    l2.ask({ name: 'fill', budgetMs: options.l2TimeoutMs, key, bytes: body.length }, (tier) => {
      const { tags, storedAt } = loaded.entry;
      keepTags(context, tier, { tags, generation: lease.generation, usefulUntil: storedAt + loaded.keepForMs });
      return tier.fill({
        id,
        ...lease,
        token: random.token(),
        body,
        age: began - loaded.entry.storedAt,
        notAfter: l2.toServer(loaded.entry.storedAt),
        keepFor: recordStayMs(loaded.keepForMs),
      });
    }),
  );
  const durationMs = clock.now() - began;
  if (!filled.ok) {
    counters.fillsFailed += 1;
    // Whether it arrived or not: what is not there any more cannot be given back.
    if (filled.error instanceof RemoteError && filled.error.failure === 'invalid')
      leaveOutcome(context, request, lease, notStored);
    else releaseLease(context, request, lease);
  } else if (!filled.value) {
    counters.fillsRefused += 1;
    emit({ type: 'fill_refused', key });
  }
  return { outcome: filled.ok ? (filled.value ? 'stored' : 'refused') : 'failed', durationMs };
}

/** The load failed: a value within `staleIfError` answers, flagged; else the error goes to all who wait, as it is. */
function serveStale(
  context: CacheContext,
  { key }: ReadRequest,
  flight: Flight<RefillResult>,
  { entry, tier }: Fallback,
  l2: TierStep | undefined,
  error: unknown,
  durationMs: number,
): RefillResult {
  // Nobody waits, or the cache is closing: that says nothing about the source.
  if (flight.signal.aborted || entry === undefined) throw error;
  const now = context.clock.now();
  const freshness = freshnessOf(entry, now);
  const mayAnswer = mayServeOnError(entry, now);
  let kept = mayStoreInL1(flight, entry) && (mayAnswer || freshness === 'fresh' || freshness === 'stale');
  if (kept) {
    // Wherever the value goes on to answer, a source in trouble is left alone for a while.
    const backoffMs = ERROR_BACKOFF_MS * (1 - context.random.next() / 2);
    kept = context.l1.set(flight.id, { ...entry, retryAt: now + backoffMs, failed: true });
  }
  if (!mayAnswer) throw error;
  const { background, hasWaiters } = flight;
  // A caller whose own time was over before has been told then.
  if (background || hasWaiters)
    context.emit({ type: 'tier_failure', error, operation: 'load', tier: 'source', key, background });
  return toRefillResult(entry, 'stale', tier, kept, l2, { outcome: 'failed', durationMs });
}

/** For callers whose `softTimeout` runs out before the flight ends. */
export function offerStale(
  context: CacheContext,
  flight: Flight<RefillResult>,
  { entry, tier }: Fallback,
  l2: TierStep | undefined,
): void {
  if (!mayServeOnError(entry, context.clock.now())) return;
  flight.offer(toRefillResult(entry, 'stale', tier, tier === 'l1', l2, undefined), entry);
}

/** For callers who join a refresh: what L2 holds is still of use, so none of them waits for what is to replace it. */
function offerStandIn(context: CacheContext, flight: Flight<RefillResult>, entry: Entry, l2: TierStep): void {
  const state = freshnessOf(entry, context.clock.now());
  if (state !== 'fresh' && state !== 'stale') return;
  const answer = toRefillResult(entry, state, 'l2', false, l2, undefined);
  const until = state === 'fresh' ? entry.freshUntil : entry.staleUntil;
  flight.standInWith({
    answer,
    serves: () => context.clock.now() < until && !flight.hasEnded(answer.tags),
  });
}

/** Stores into L1 if the flight still may; the first flight of a key to end takes that right from the others. */
export function storeInL1(context: CacheContext, flight: Flight<RefillResult>, entry: Entry): boolean {
  if (!mayStoreInL1(flight, entry) || !tagsAreCurrent(entry.tags)) return dropFromL1(context, flight);
  context.flights.supersedeOthers(flight);
  return context.l1.set(flight.id, entry);
}

/** A tag that was learnt from the value was not watched while the flight was under way. */
export function mayStoreInL1(flight: Flight<RefillResult>, { tags }: Entry): boolean {
  return flight.mayStore && !flight.hasEnded(tags);
}

/** A value was handed out that L1 does not hold: what L1 does hold may be older. */
export function dropFromL1({ l1, flights }: CacheContext, flight: Flight<RefillResult>): false {
  flights.supersedeOthers(flight);
  l1.delete(flight.id);
  return false;
}
