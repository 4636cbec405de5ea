import { type Entry, freshnessOf, mayServeOnError, tagsAreCurrent } from '../model/entry.ts';
import { recordStayMs } from '../model/lifetime.ts';
import type { BypassReason, TierStep } from '../model/lookup.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { RemoteError } from '../ports/remote-tier.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { type Refilled, refilledOf } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { type AskedL2, type FirstAnswer, type L2Answer, L2Question } from './ask-l2.ts';
import { keepTags } from './generations.ts';
import { type FillRight, giveBack, leaveOutcome } from './lease.ts';
import { loadFor } from './load.ts';
import { makeProduct, type Product } from './loaded-entry.ts';
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
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  first?: FirstAnswer,
): Promise<Refilled> {
  const local = parts.l1.get(request.id);
  offerStale(parts, flight, { entry: local, tier: 'l1' }, undefined);
  const { answer, step } = await askL2(parts, request, flight, first);
  if (answer.kind === 'entry') {
    const kept = keep(parts, flight, answer.entry);
    return refilledOf(answer.entry, answer.state, 'l2', kept, step, undefined);
  }
  const isUntrusted = answer.kind === 'no-right' && answer.reason === 'untrusted';
  const found = answer.candidate ?? (isUntrusted ? await offerUnrepaired(parts, request, flight, step) : undefined);
  const fallback: Fallback = found === undefined ? { entry: local, tier: 'l1' } : { entry: found, tier: 'l2' };
  if (answer.kind === 'elsewhere') {
    const [entry, tier] = local === undefined ? [found, 'l2' as const] : [local, 'l1' as const];
    if (entry !== undefined) return standBack(parts, flight, entry, tier, step);
  }
  return loadAndStore(parts, request, flight, answer, step, fallback);
}

/** Reads the value of an L2 that is not repaired. It serves callers whose load fails or whose `softTimeout` runs out. */
async function offerUnrepaired(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  step: TierStep | undefined,
): Promise<Entry | undefined> {
  const entry = parts.remote && (await readUnrepaired(parts, parts.remote, request, flight));
  if (entry !== undefined) offerStale(parts, flight, { entry, tier: 'l2' }, step);
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
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  first: FirstAnswer | undefined,
): Promise<AnswerAndStep> {
  const { remote, clock, tracer } = parts;
  if (remote === undefined) {
    flight.goOn('further-questions');
    return NO_L2;
  }
  const reason = flight.owed.covers(request.id, request.tagIds) ? 'pending' : remote.refusal;
  if (reason !== undefined && first === undefined) {
    flight.goOn('further-questions');
    return { answer: { kind: 'no-right', reason, candidate: undefined }, step: stepOf('bypass', reason, false, 0) };
  }
  const began = first === undefined ? clock.now() : flight.beganAt;
  return tracer.trace(SPAN.l2Get, { [ATTRIBUTE.dbSystem]: remote.tier.system }, async (span) => {
    const onCandidate = (entry: Entry): void => {
      const step = stepOf('stale', undefined, false, clock.now() - began);
      offerStale(parts, flight, { entry, tier: 'l2' }, step);
      offerStandIn(parts, flight, entry, step);
    };
    const question = new L2Question(parts, remote, request, flight, onCandidate, first);
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
  parts: Parts,
  flight: Flight<Refilled>,
  held: Entry,
  tier: Fallback['tier'],
  l2: TierStep | undefined,
): Refilled {
  const isStill =
    parts.l1.get(flight.id) === held &&
    parts.l1.set(flight.id, { ...held, retryAt: parts.clock.now() + REFRESH_POLL_MS });
  return refilledOf(held, 'stale', tier, isStill, l2, undefined);
}

async function loadAndStore(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  answer: AnswerAndStep['answer'],
  l2: TierStep | undefined,
  fallback: Fallback,
): Promise<Refilled> {
  const right = answer.kind === 'mine' ? answer.right : undefined;
  const began = parts.clock.now();
  let product: Product;
  try {
    const loaded = await loadFor(parts, request, flight, fallback.entry, right);
    const generations = answer.generations ?? new Map();
    product = await makeProduct(parts, request, flight, loaded, generations, right !== undefined);
  } catch (error) {
    const durationMs = parts.clock.now() - began;
    // A load that was given up says nothing about the source.
    if (flight.signal.aborted) giveBack(parts, request, right);
    else leaveOutcome(parts, request, right, { outcome: 'failed', loadMs: durationMs });
    return serveStale(parts, request, flight, fallback, l2, error, durationMs);
  }
  const source = { outcome: 'loaded', durationMs: parts.clock.now() - began } as const;
  const fill = await fillL2(parts, request, flight, right, product);
  // Refused means that an invalidation has passed; its message may not have arrived here yet.
  const kept =
    product.mayKeepInL1 && fill.outcome !== 'refused' ? keep(parts, flight, product.entry) : drop(parts, flight);
  const step = l2 && { ...l2, stored: fill.outcome === 'stored', durationMs: l2.durationMs + fill.durationMs };
  return refilledOf(product.entry, 'fresh', 'source', kept, step, source);
}

interface FillOutcome {
  readonly outcome: 'stored' | 'refused' | 'failed' | 'not-tried';
  readonly durationMs: number;
}

const NOT_TRIED: FillOutcome = { outcome: 'not-tried', durationMs: 0 };

async function fillL2(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  right: FillRight | undefined,
  product: Product,
): Promise<FillOutcome> {
  const { remote, clock, random, tracer, counters, emit } = parts;
  if (remote === undefined || right === undefined) return NOT_TRIED;
  const notStored = { outcome: 'not-stored', loadMs: product.entry.loadMs } as const;
  if (!product.isWanted) {
    leaveOutcome(parts, request, right, notStored);
    return NOT_TRIED;
  }
  if (!product.mayFillL2 || flight.poisoned || !tagsAreCurrent(flight.tags)) {
    giveBack(parts, request, right);
    return NOT_TRIED;
  }
  const { id, key, options } = request;
  let body: Product['body'];
  try {
    const error = tooLong(parts, product.body, key);
    if (error !== undefined) throw error;
    body = packed(parts, product.body);
  } catch (error) {
    const { background } = flight;
    emit({ type: 'tier_failure', error, operation: 'fill', tier: 'l2', key, background });
    counters.fillsFailed += 1;
    leaveOutcome(parts, request, right, notStored);
    return NOT_TRIED;
  }
  const began = clock.now();
  const filled = await tracer.trace(SPAN.l2Fill, { [ATTRIBUTE.dbSystem]: remote.tier.system }, () =>
    remote.ask({ name: 'fill', budgetMs: options.l2TimeoutMs, key, bytes: body.length }, (tier) => {
      const { tags, storedAt } = product.entry;
      keepTags(parts, tier, { tags, generation: right.generation, usefulUntil: storedAt + product.keepForMs });
      return tier.fill({
        id,
        ...right,
        token: random.token(),
        body,
        age: began - product.entry.storedAt,
        notAfter: remote.toServer(product.entry.storedAt),
        keepFor: recordStayMs(product.keepForMs),
      });
    }),
  );
  const durationMs = clock.now() - began;
  if (!filled.ok) {
    counters.fillsFailed += 1;
    // Whether it arrived or not: what is not there any more cannot be given back.
    if (filled.error instanceof RemoteError && filled.error.failure === 'invalid')
      leaveOutcome(parts, request, right, notStored);
    else giveBack(parts, request, right);
  } else if (!filled.value) {
    counters.fillsRefused += 1;
    emit({ type: 'fill_refused', key });
  }
  return { outcome: filled.ok ? (filled.value ? 'stored' : 'refused') : 'failed', durationMs };
}

/** The load failed: a value within `staleIfError` answers, flagged; else the error goes to all who wait, as it is. */
function serveStale(
  parts: Parts,
  { key }: ReadRequest,
  flight: Flight<Refilled>,
  { entry, tier }: Fallback,
  l2: TierStep | undefined,
  error: unknown,
  durationMs: number,
): Refilled {
  // Nobody waits, or the cache is closing: that says nothing about the source.
  if (flight.signal.aborted || entry === undefined) throw error;
  const now = parts.clock.now();
  const freshness = freshnessOf(entry, now);
  const mayAnswer = mayServeOnError(entry, now);
  let kept = mayKeep(flight, entry) && (mayAnswer || freshness === 'fresh' || freshness === 'stale');
  if (kept) {
    // Wherever the value goes on to answer, a source in trouble is left alone for a while.
    const backoffMs = ERROR_BACKOFF_MS * (1 - parts.random.next() / 2);
    kept = parts.l1.set(flight.id, { ...entry, retryAt: now + backoffMs, failed: true });
  }
  if (!mayAnswer) throw error;
  const { background, hasWaiters } = flight;
  // A caller whose own time was over before has been told then.
  if (background || hasWaiters)
    parts.emit({ type: 'tier_failure', error, operation: 'load', tier: 'source', key, background });
  return refilledOf(entry, 'stale', tier, kept, l2, { outcome: 'failed', durationMs });
}

/** For callers whose `softTimeout` runs out before the flight ends. */
export function offerStale(
  parts: Parts,
  flight: Flight<Refilled>,
  { entry, tier }: Fallback,
  l2: TierStep | undefined,
): void {
  if (!mayServeOnError(entry, parts.clock.now())) return;
  flight.offer(refilledOf(entry, 'stale', tier, tier === 'l1', l2, undefined), entry);
}

/** For callers who join a refresh: what L2 holds is still of use, so none of them waits for what is to replace it. */
function offerStandIn(parts: Parts, flight: Flight<Refilled>, entry: Entry, l2: TierStep): void {
  const state = freshnessOf(entry, parts.clock.now());
  if (state !== 'fresh' && state !== 'stale') return;
  const answer = refilledOf(entry, state, 'l2', false, l2, undefined);
  const until = state === 'fresh' ? entry.freshUntil : entry.staleUntil;
  flight.standInWith({
    answer,
    serves: () => parts.clock.now() < until && !flight.hasEnded(answer.tags),
  });
}

/** Stores into L1 if the flight still may; the first flight of a key to end takes that right from the others. */
export function keep(parts: Parts, flight: Flight<Refilled>, entry: Entry): boolean {
  if (!mayKeep(flight, entry) || !tagsAreCurrent(entry.tags)) return drop(parts, flight);
  parts.flights.outrunOthers(flight);
  return parts.l1.set(flight.id, entry);
}

/** A tag that was learnt from the value was not watched while the flight was under way. */
export function mayKeep(flight: Flight<Refilled>, { tags }: Entry): boolean {
  return flight.mayStore && !flight.hasEnded(tags);
}

/** A value was handed out that L1 does not hold: what L1 does hold may be older. */
export function drop({ l1, flights }: Parts, flight: Flight<Refilled>): false {
  flights.outrunOthers(flight);
  l1.delete(flight.id);
  return false;
}
