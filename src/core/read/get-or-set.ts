import { type Entry, freshnessOf, mayServeOnError, refreshesNow } from '../model/entry.ts';
import type { BypassReason, Lookup, TierStep } from '../model/lookup.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { Span } from '../ports/tracer.ts';
import { unlessAborted } from '../primitives/abort.ts';
import { ignore } from '../primitives/quietly.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import { oldestToJoin } from '../state/flight-setup.ts';
import { type RefillResult, toRefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { answerOf, isTimeUp, nestedWaitForRoom, takesQuickAnswer, timeoutOf, waitFor } from '../state/wait-for.ts';
import { tryFastPath } from './fast-path.ts';
import { isTrusted } from './l1-hit.ts';
import { lookupOf, missOf, outcomeAttributes, reportFailure, reportLookup } from './lookup-result.ts';
import { begin, refreshBehind } from './refresh.ts';
import { longestWaitForSet, untilWritten } from './until-written.ts';

/** Answers a lookup from the first that can: L1, a flight that is under way, or a flight of its own. */
export async function answer(context: CacheContext, request: ReadRequest, span: Span): Promise<Lookup<unknown>> {
  const began = context.clock.now();
  const { options } = request;
  options.signal?.throwIfAborted();
  const here = askL1(context, request, began, span);
  if ('lookup' in here) return here.lookup;
  // The first heartbeat after a start or a rest clears L1. A flight that begins before it could not store its value
  // (race 67).
  if (context.l2?.readiness.isAwaited)
    await unlessAborted(
      context.l2.readiness.wait(Math.min(options.l2TimeoutMs, options.hardTimeoutMs)),
      options.signal,
    );
  return fromFlight(context, request, here.miss, began, span);
}

/** The reason why L1 did not answer. */
export type LocalMiss = Pick<TierStep, 'outcome' | 'reason' | 'durationMs'>;

/** Returns the answer of L1, or the reason why L1 has none. */
export function askL1(
  context: CacheContext,
  request: ReadRequest,
  began: number,
  span: Span,
): { readonly lookup: Lookup<unknown> } | { readonly miss: LocalMiss } {
  const entry = request.options.forceFresh ? undefined : context.l1.get(request.id);
  const lookup = entry && fromL1(context, request, entry, began, span);
  return lookup === undefined ? { miss: whyNotL1(context, request, entry, began) } : { lookup };
}

/** {@link askL1} for callers who know the reason of the earlier miss. */
function hitAt(context: CacheContext, request: ReadRequest, now: number, span: Span): Lookup<unknown> | undefined {
  const entry = context.l1.get(request.id);
  return entry && fromL1(context, request, entry, now, span);
}

/**
 * Joins a flight of the key, or begins one. Without a flight to join, and with room for one, it begins before this call
 * returns. While a `set` of the key is under way, it waits for the value that is set. A load that was aborted at the
 * `hardTimeout` of others begins anew while this caller has time left.
 * @param began The moment of the caller's call, from which its `hardTimeout` counts.
 */
export async function fromFlight(
  context: CacheContext,
  request: ReadRequest,
  why: LocalMiss,
  began: number,
  span: Span,
): Promise<Lookup<unknown>> {
  const { options, id } = request;
  const giveUpAt = began + options.hardTimeoutMs;
  let waitForSetUntil: number | undefined;
  for (;;) {
    // A caller that has left begins nothing. A listener on a signal that is already aborted would never be called.
    options.signal?.throwIfAborted();
    const now = context.clock.now();
    if (isTimeUp(context, giveUpAt)) return lookupOf(context, staleOrTimeout(context, request), asStored(why), began);
    if (!options.forceFresh && now < (waitForSetUntil ?? Infinity) && context.flights.writeOf(id) !== undefined) {
      waitForSetUntil ??= Math.min(now + longestWaitForSet(options), giveUpAt);
      request.bulk?.dropOut();
      const look = (): Lookup<unknown> | undefined => hitAt(context, request, context.clock.now(), span);
      const found = await untilWritten(context, request, look, waitForSetUntil);
      if (found !== undefined) return found;
      continue;
    }
    const joined = options.forceFresh ? undefined : context.flights.joinable(id, oldestToJoin(context, now));
    const hasToWait = joined === undefined && !context.flights.hasRoom(id);
    if (joined !== undefined || hasToWait) request.bulk?.dropOut();
    if (hasToWait) {
      const stale = await untilRoom(context, request, began, giveUpAt);
      if (stale === undefined) continue;
      return lookupOf(context, stale, asStored(why), began);
    }
    const flight = joined ?? begin(context, request, false);
    flight.join(options.hardTimeoutMs);
    if (joined !== undefined) joined.waitForLeaseUntil(now + options.leaseWaitMs);
    const endedBefore = flight.endedSoFar;
    const quick = takesQuickAnswer(flight, options, giveUpAt) ? await flight.quick : undefined;
    const result = quick ?? answerOf(context, request, flight, await waitFor(context, request, flight, giveUpAt));
    if (result === undefined) continue;
    // The value carries a tag that was invalidated before this caller joined (race 66).
    if (joined !== undefined && flight.hasEnded(result.tags, endedBefore)) continue;
    if (joined !== undefined) {
      request.counters.collapsed += 1;
      if (flight.span !== undefined) span.link(flight.span);
    }
    if (result.state === 'stale' && result.source === undefined) refreshBehind(context, request, span);
    return lookupOf(context, result, { ...why, collapsed: joined !== undefined, stored: result.keptInL1 }, began);
  }
}

/** Returns L1's step of an answer that L1 holds. */
function asStored(why: LocalMiss): TierStep {
  return { ...why, collapsed: false, stored: true };
}

/**
 * Waits until another flight of the key may begin, or until the caller's time is over.
 * @returns the stale value to answer with, once the `softTimeout` is over and if there is one.
 */
async function untilRoom(
  context: CacheContext,
  request: ReadRequest,
  began: number,
  giveUpAt: number,
): Promise<RefillResult | undefined> {
  const { clock, flights, l1 } = context;
  const { id, options } = request;
  const nested = nestedWaitForRoom(context, request);
  const room = unlessAborted(flights.untilOneEnds(id), options.signal);
  const waitUntil = (end: number): Promise<void> => withTimeout(clock, Math.max(end - clock.now(), 0), room);
  try {
    await waitUntil(Math.min(began + options.softTimeoutMs, giveUpAt));
  } catch (error) {
    if (!(error instanceof TimeoutExceeded)) throw error;
    if (isTimeUp(context, giveUpAt)) return undefined;
    const stale = l1.get(id);
    if (mayServeOnError(stale, clock.now())) return toRefillResult(stale, 'stale', 'l1', true, undefined, undefined);
    await waitUntil(giveUpAt).catch((late: unknown) => {
      if (!(late instanceof TimeoutExceeded)) throw late;
    });
  } finally {
    nested?.end();
  }
  return undefined;
}

/**
 * Answers a caller whose time is over while it waits for no flight.
 * @throws {@link LoadTimeoutError} when L1 holds no value that may be served.
 */
function staleOrTimeout(context: CacheContext, request: ReadRequest): RefillResult {
  const { clock, l1, emit } = context;
  const stale = l1.get(request.id);
  const error = timeoutOf(request);
  if (!mayServeOnError(stale, clock.now())) throw error;
  emit({ type: 'tier_failure', error, operation: 'load', tier: 'source', key: request.key, background: false });
  return toRefillResult(stale, 'stale', 'l1', true, undefined, { outcome: 'failed', durationMs: 0 });
}

/**
 * Returns the answer of L1: a hit, a hit with a refresh in the background, or a stale value that may be served at once.
 */
function fromL1(
  context: CacheContext,
  request: ReadRequest,
  entry: Entry,
  now: number,
  span: Span,
): Lookup<unknown> | undefined {
  const freshness = freshnessOf(entry, now);
  if (freshness === undefined) return undefined;
  const answerAs = (state: RefillResult['state'], source?: RefillResult['source']): Lookup<unknown> => {
    const outcome = state === 'fresh' ? 'hit' : 'stale';
    const durationMs = context.clock.now() - now;
    const step: TierStep = { outcome, reason: undefined, stored: false, collapsed: false, durationMs };
    return lookupOf(context, toRefillResult(entry, state, 'l1', true, undefined, source), step, now);
  };
  if (freshness !== 'expired' && now < entry.localUntil && isTrusted(context, entry, now)) {
    if (now >= entry.hitUntil && now >= entry.retryAt && refreshesNow(entry, request.options, now, context.random))
      refreshBehind(context, request, span);
    return answerAs(freshness);
  }
  // The source has just failed. Until the next attempt is due, this call gets the same failure as its answer.
  const isBackingOff = entry.failed && now < entry.retryAt && mayServeOnError(entry, now);
  return isBackingOff ? answerAs('stale', { outcome: 'failed', durationMs: 0 }) : undefined;
}

function whyNotL1(context: CacheContext, request: ReadRequest, entry: Entry | undefined, now: number): LocalMiss {
  const durationMs = context.clock.now() - now;
  const bypass = (reason: BypassReason) => ({ outcome: 'bypass', reason, durationMs }) as const;
  if (request.options.forceFresh) return bypass('force-fresh');
  if (!context.proof.isProven(now) && (entry === undefined || !isTrusted(context, entry, now)))
    return bypass('unproven');
  return { outcome: missOf(entry, now), reason: undefined, durationMs };
}

/**
 * Answers a lookup that L1 did not answer on the hot path.
 * @param wanted The part of the lookup that the caller uses.
 */
export function lookUp(context: CacheContext, request: ReadRequest, wanted: 'value' | 'lookup'): Promise<unknown> {
  const { name, tracer, background, counters } = context;
  counters.peekFollowed(request.id);
  if (!tracer.mayRecord()) {
    const straight = tryFastPath(context, request, wanted);
    if (straight !== undefined) return straight;
  }
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'get_or_set',
    [ATTRIBUTE.keyGroup]: request.counters.group,
  };
  const looking = tracer.trace(SPAN.lookup, attributes, async (span) => {
    try {
      const lookup = await answer(context, request, span);
      reportLookup(context, request, lookup);
      span.set(outcomeAttributes(context, lookup));
      return wanted === 'value' ? lookup.value : lookup;
    } catch (error) {
      span.set({ [ATTRIBUTE.outcome]: 'error' });
      throw reportFailure(context, request, error);
    }
  });
  background.track(looking, ignore);
  return looking;
}
