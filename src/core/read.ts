import { mayServeOnError, refilledOf, userTags } from './answers.ts';
import { BudgetExceeded, within } from './budget.ts';
import { type Entry, freshnessOf } from './entry.ts';
import { refreshesNow } from './entry-of.ts';
import type { Flight, FlightSetup } from './flights.ts';
import { isTrusted } from './hit.ts';
import type { BypassReason, Lookup, LookupSteps, TierStep } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { ReadRequest } from './read-request.ts';
import { refill } from './refill.ts';
import type { Refilled } from './refilled.ts';
import { ATTRIBUTE, SPAN } from './telemetry-names.ts';
import type { Span } from './tracer.ts';
import { unlessAborted, waitFor } from './wait-for.ts';

/** What becomes of a lookup, in this order: L1; a flight that is under way; one of its own. */
export async function answer(parts: Parts, request: ReadRequest, span: Span): Promise<Lookup<unknown>> {
  const began = parts.clock.now();
  const { options } = request;
  options.signal?.throwIfAborted();
  const here = askL1(parts, request, began, span);
  if ('lookup' in here) return here.lookup;
  // The first heartbeat after the start or a rest clears what is here: what begins before it could not be stored.
  if (parts.remote?.contact.isAwaited) await parts.remote.contact.wait(options.l2TimeoutMs);
  return fromFlight(parts, request, here.miss, began, span);
}

/** Why L1 did not answer. */
export type LocalMiss = Pick<TierStep, 'outcome' | 'reason' | 'durationMs'>;

/** What L1 can say by itself, or why it cannot. */
export function askL1(
  parts: Parts,
  request: ReadRequest,
  began: number,
  span: Span,
): { readonly lookup: Lookup<unknown> } | { readonly miss: LocalMiss } {
  const entry = request.options.forceFresh ? undefined : parts.l1.get(request.id);
  const lookup = entry && fromL1(parts, request, entry, began, span);
  return lookup === undefined ? { miss: whyNotL1(parts, request, entry, began) } : { lookup };
}

/** Joins a flight of the key, or begins one before this call returns if there is none and room for it. */
export async function fromFlight(
  parts: Parts,
  request: ReadRequest,
  why: LocalMiss,
  began: number,
  span: Span,
): Promise<Lookup<unknown>> {
  const { options, id } = request;
  for (;;) {
    const now = parts.clock.now();
    const joined = options.forceFresh ? undefined : parts.flights.joinable(id, oldestToJoin(parts, now));
    const hasToWait = joined === undefined && !parts.flights.hasRoom(id);
    if (joined !== undefined || hasToWait) request.batch?.standAside();
    if (hasToWait) {
      const stale = await untilRoom(parts, request, began);
      if (stale === undefined) continue;
      const refilled = refilledOf(stale, 'stale', 'l1', true, undefined, undefined);
      return lookupOf(parts, refilled, { ...why, collapsed: false, stored: true }, began);
    }
    const flight = joined ?? begin(parts, request, false);
    const endedBefore = flight.endedTags.count;
    const refilled = await waitFor(parts.clock, flight, options);
    // The value turns out to carry a tag that was invalidated before this caller joined.
    if (joined !== undefined && flight.endedTags.hasAny(refilled.tags, endedBefore)) continue;
    if (joined !== undefined) {
      request.counters.collapsed += 1;
      if (flight.span !== undefined) span.link(flight.span);
    }
    if (refilled.state === 'stale' && refilled.source === undefined) refreshBehind(parts, request, span);
    return lookupOf(parts, refilled, { ...why, collapsed: joined !== undefined, stored: refilled.keptInL1 }, began);
  }
}

/** Waits until another flight of the key may begin, or from `softTimeout` on, if there is any, with the stale value to answer. */
async function untilRoom(parts: Parts, { id, options }: ReadRequest, began: number): Promise<Entry | undefined> {
  const { clock, flights, l1 } = parts;
  const room = unlessAborted(flights.untilOneEnds(id), options.signal);
  try {
    await within(clock, Math.max(began + options.softTimeoutMs - clock.now(), 0), room);
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    const stale = l1.get(id);
    if (mayServeOnError(stale, clock.now())) return stale;
    await room;
  }
  return undefined;
}

/** What L1 can say by itself: a hit, a hit to be refreshed, or an old value that may serve at once. */
function fromL1(
  parts: Parts,
  request: ReadRequest,
  entry: Entry,
  now: number,
  span: Span,
): Lookup<unknown> | undefined {
  const freshness = freshnessOf(entry, now);
  if (freshness === undefined) return undefined;
  const answerAs = (state: Refilled['state'], source?: Refilled['source']): Lookup<unknown> => {
    const outcome = state === 'fresh' ? 'hit' : 'stale';
    const durationMs = parts.clock.now() - now;
    const step: TierStep = { outcome, reason: undefined, stored: false, collapsed: false, durationMs };
    return lookupOf(parts, refilledOf(entry, state, 'l1', true, undefined, source), step, now);
  };
  if (freshness !== 'expired' && now < entry.localUntil && isTrusted(parts, entry, now)) {
    if (now >= entry.hitUntil && now >= entry.retryAt && refreshesNow(entry, request.options, now, parts.random))
      refreshBehind(parts, request, span);
    return answerAs(freshness);
  }
  // The source failed a moment ago: until the next try is due, its failure is the answer to this call too.
  const isBackingOff = entry.failed && now < entry.retryAt && mayServeOnError(entry, now);
  return isBackingOff ? answerAs('stale', { outcome: 'failed', durationMs: 0 }) : undefined;
}

function whyNotL1(parts: Parts, request: ReadRequest, entry: Entry | undefined, now: number): LocalMiss {
  const durationMs = parts.clock.now() - now;
  const bypass = (reason: BypassReason) => ({ outcome: 'bypass', reason, durationMs }) as const;
  if (request.options.forceFresh) return bypass('force-fresh');
  if (now > parts.proof.until && (entry === undefined || !isTrusted(parts, entry, now))) return bypass('unproven');
  return { outcome: missOf(entry, now), reason: undefined, durationMs };
}

/** What an entry that cannot answer is called: one that has run out, or none. */
export function missOf(entry: Entry | undefined, now: number): 'stale' | 'miss' {
  const isStale = entry !== undefined && freshnessOf(entry, now) !== undefined && now >= entry.freshUntil;
  return isStale ? 'stale' : 'miss';
}

/** A flight may be joined under the condition under which its value could be served from L1. */
export function oldestToJoin({ proof, maxLagMs }: Parts, now: number): number {
  return now <= proof.until ? Number.NEGATIVE_INFINITY : now - maxLagMs;
}

/** Starts a refill of a key. `background`: nobody is waiting for an answer. */
export function begin(parts: Parts, request: ReadRequest, background: boolean, beganAt?: number): Flight<Refilled> {
  const setup = flightSetup(parts, request, { background, mayLoad: true, beganAt });
  return parts.flights.begin(request.id, setup, (flight) => {
    flight.span = parts.tracer.current();
    return refill(parts, request, flight);
  });
}

/** What a read takes note of before it sends anything. */
export function flightSetup(
  parts: Parts,
  { tagIds }: Pick<ReadRequest, 'tagIds'>,
  { background, mayLoad, beganAt }: Pick<FlightSetup, 'background' | 'mayLoad' | 'beganAt'>,
): FlightSetup {
  const { hasBus, proof, remote, pending } = parts;
  return {
    // The last invalidation that this instance has acted on: those after it may come while the flight is under way.
    seen: hasBus
      ? { epoch: proof.epoch, sequence: proof.seen ?? 0 }
      : (remote?.lastBeat ?? { epoch: undefined, sequence: 0 }),
    tags: tagIds.map((tag) => parts.tags.obtain(tag)),
    owed: pending.owed(),
    background,
    mayLoad,
    beganAt,
  };
}

/** One refresh behind the answer; whoever comes next finds it under way and begins none. */
export function refreshBehind(parts: Parts, request: ReadRequest, span: Span): void {
  if (request.batch !== undefined) request.batch.refresh();
  else if (mayRefresh(parts, request)) traceRefresh(parts, request, span, () => begin(parts, request, true).result);
}

/** Whether a refresh of the key is neither under way nor one too many. */
export function mayRefresh({ flights }: Parts, { id }: ReadRequest): boolean {
  return flights.joinable(id, Number.NEGATIVE_INFINITY) === undefined && flights.hasRoom(id);
}

/** Runs a refresh in a trace of its own, linked to the one that caused it. */
export function traceRefresh(
  { name, tracer, background }: Parts,
  { counters }: ReadRequest,
  span: Span,
  refresh: () => Promise<unknown>,
): void {
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'refresh',
    [ATTRIBUTE.keyGroup]: counters.group,
  };
  const links = span.ref === undefined ? [] : [span.ref];
  // A refresh that failed has been reported by the load; nobody waits for it.
  background.track(tracer.trace(SPAN.lookup, attributes, refresh, { links, root: true }), ignore);
}

/** A flight's answer as one caller sees it. */
export function lookupOf(parts: Parts, refilled: Refilled, l1: TierStep, began: number): Lookup<unknown> {
  const now = parts.clock.now();
  const { value, tier, state, storedAt, freshUntil, tags, l2, source } = refilled;
  return {
    value,
    tier,
    state,
    age: Math.max(now - storedAt, 0),
    ttl: freshUntil - now,
    collapsed: l1.collapsed,
    tags: userTags(tags),
    steps: stepsOf(l1.outcome === 'hit' ? { ...l1, durationMs: now - began } : l1, l2, source),
  };
}

/** Tiers that were not asked are absent. */
function stepsOf(l1: TierStep, l2: LookupSteps['l2'], source: LookupSteps['source']): LookupSteps {
  if (source === undefined) return l2 === undefined ? { l1 } : { l1, l2 };
  return l2 === undefined ? { l1, source } : { l1, l2, source };
}

function ignore(): void {}
