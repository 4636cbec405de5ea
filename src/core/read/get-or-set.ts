import { type Entry, freshnessOf, mayServeOnError, refreshesNow } from '../model/entry.ts';
import type { BypassReason, Lookup, TierStep } from '../model/lookup.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { Span } from '../ports/tracer.ts';
import { unlessAborted } from '../primitives/abort.ts';
import { ignore } from '../primitives/quietly.ts';
import { BudgetExceeded, within } from '../primitives/timeout.ts';
import type { Parts } from '../state/context.ts';
import { oldestToJoin } from '../state/flight-setup.ts';
import { type Refilled, refilledOf } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { answerOf, isTimeUp, nestedWaitForRoom, takesQuickAnswer, timeoutOf, waitFor } from '../state/wait-for.ts';
import { lookUpStraight } from './fast-path.ts';
import { isTrusted } from './l1-hit.ts';
import { account, accountError, lookupOf, missOf, outcomeAttributes } from './lookup-result.ts';
import { begin, refreshBehind } from './refresh.ts';
import { longestWaitForSet, untilWritten } from './until-written.ts';

/** What becomes of a lookup, in this order: L1; a flight that is under way; one of its own. */
export async function answer(parts: Parts, request: ReadRequest, span: Span): Promise<Lookup<unknown>> {
  const began = parts.clock.now();
  const { options } = request;
  options.signal?.throwIfAborted();
  const here = askL1(parts, request, began, span);
  if ('lookup' in here) return here.lookup;
  // The first heartbeat after the start or a rest clears what is here: what begins before it could not be stored.
  if (parts.remote?.contact.isAwaited)
    await unlessAborted(
      parts.remote.contact.wait(Math.min(options.l2TimeoutMs, options.hardTimeoutMs)),
      options.signal,
    );
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

/** {@link askL1} for callers who know already why it did not answer before. */
function hitAt(parts: Parts, request: ReadRequest, now: number, span: Span): Lookup<unknown> | undefined {
  const entry = parts.l1.get(request.id);
  return entry && fromL1(parts, request, entry, now, span);
}

/**
 * Joins a flight of the key, or begins one before this call returns if there is none and room for it. While the key is
 * set here, it waits for the value instead. A load that was aborted at the `hardTimeout` of others is begun anew while
 * this caller has time left.
 * @param began When the caller called: its `hardTimeout` counts from then.
 */
export async function fromFlight(
  parts: Parts,
  request: ReadRequest,
  why: LocalMiss,
  began: number,
  span: Span,
): Promise<Lookup<unknown>> {
  const { options, id } = request;
  const giveUpAt = began + options.hardTimeoutMs;
  let waitForSetUntil: number | undefined;
  for (;;) {
    // A caller that has left begins nothing: a signal that is aborted already would never be heard of.
    options.signal?.throwIfAborted();
    const now = parts.clock.now();
    if (isTimeUp(parts, giveUpAt)) return lookupOf(parts, staleOrTimeout(parts, request), asStored(why), began);
    if (!options.forceFresh && now < (waitForSetUntil ?? Infinity) && parts.flights.writeOf(id) !== undefined) {
      waitForSetUntil ??= Math.min(now + longestWaitForSet(options), giveUpAt);
      request.batch?.standAside();
      const look = (): Lookup<unknown> | undefined => hitAt(parts, request, parts.clock.now(), span);
      const found = await untilWritten(parts, request, look, waitForSetUntil);
      if (found !== undefined) return found;
      continue;
    }
    const joined = options.forceFresh ? undefined : parts.flights.joinable(id, oldestToJoin(parts, now));
    const hasToWait = joined === undefined && !parts.flights.hasRoom(id);
    if (joined !== undefined || hasToWait) request.batch?.standAside();
    if (hasToWait) {
      const stale = await untilRoom(parts, request, began, giveUpAt);
      if (stale === undefined) continue;
      return lookupOf(parts, stale, asStored(why), began);
    }
    const flight = joined ?? begin(parts, request, false);
    flight.join(options.hardTimeoutMs);
    if (joined !== undefined) joined.waitForLeaseUntil(now + options.leaseWaitMs);
    const endedBefore = flight.endedSoFar;
    const quick = takesQuickAnswer(flight, options, giveUpAt) ? await flight.quick : undefined;
    const refilled = quick ?? answerOf(parts, request, flight, await waitFor(parts, request, flight, giveUpAt));
    if (refilled === undefined) continue;
    // The value turns out to carry a tag that was invalidated before this caller joined.
    if (joined !== undefined && flight.hasEnded(refilled.tags, endedBefore)) continue;
    if (joined !== undefined) {
      request.counters.collapsed += 1;
      if (flight.span !== undefined) span.link(flight.span);
    }
    if (refilled.state === 'stale' && refilled.source === undefined) refreshBehind(parts, request, span);
    return lookupOf(parts, refilled, { ...why, collapsed: joined !== undefined, stored: refilled.keptInL1 }, began);
  }
}

/** L1's step of an answer that L1 holds. */
function asStored(why: LocalMiss): TierStep {
  return { ...why, collapsed: false, stored: true };
}

/**
 * Waits until another flight of the key may begin, or until the caller's time is over.
 * @returns from `softTimeout` on, if there is any, the stale value to answer.
 */
async function untilRoom(
  parts: Parts,
  request: ReadRequest,
  began: number,
  giveUpAt: number,
): Promise<Refilled | undefined> {
  const { clock, flights, l1 } = parts;
  const { id, options } = request;
  const nested = nestedWaitForRoom(parts, request);
  const room = unlessAborted(flights.untilOneEnds(id), options.signal);
  const waitUntil = (end: number): Promise<void> => within(clock, Math.max(end - clock.now(), 0), room);
  try {
    await waitUntil(Math.min(began + options.softTimeoutMs, giveUpAt));
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
    if (isTimeUp(parts, giveUpAt)) return undefined;
    const stale = l1.get(id);
    if (mayServeOnError(stale, clock.now())) return refilledOf(stale, 'stale', 'l1', true, undefined, undefined);
    await waitUntil(giveUpAt).catch((late: unknown) => {
      if (!(late instanceof BudgetExceeded)) throw late;
    });
  } finally {
    nested?.end();
  }
  return undefined;
}

/**
 * Answers a caller whose time is over while it waits for no flight.
 * @throws {@link LoadTimeoutError} where L1 holds nothing that may serve.
 */
function staleOrTimeout(parts: Parts, request: ReadRequest): Refilled {
  const { clock, l1, emit } = parts;
  const stale = l1.get(request.id);
  const error = timeoutOf(request);
  if (!mayServeOnError(stale, clock.now())) throw error;
  emit({ type: 'tier_failure', error, operation: 'load', tier: 'source', key: request.key, background: false });
  return refilledOf(stale, 'stale', 'l1', true, undefined, { outcome: 'failed', durationMs: 0 });
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
  if (!parts.proof.isProven(now) && (entry === undefined || !isTrusted(parts, entry, now))) return bypass('unproven');
  return { outcome: missOf(entry, now), reason: undefined, durationMs };
}

/**
 * A lookup that L1 did not answer outright.
 * @param wanted What the caller has a use for.
 */
export function lookUp(parts: Parts, request: ReadRequest, wanted: 'value' | 'lookup'): Promise<unknown> {
  const { name, tracer, background, counters } = parts;
  counters.peekFollowed(request.id);
  if (!tracer.mayRecord()) {
    const straight = lookUpStraight(parts, request, wanted);
    if (straight !== undefined) return straight;
  }
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'get_or_set',
    [ATTRIBUTE.keyGroup]: request.counters.group,
  };
  const looking = tracer.trace(SPAN.lookup, attributes, async (span) => {
    try {
      const lookup = await answer(parts, request, span);
      account(parts, request, lookup);
      span.set(outcomeAttributes(parts, lookup));
      return wanted === 'value' ? lookup.value : lookup;
    } catch (error) {
      span.set({ [ATTRIBUTE.outcome]: 'error' });
      throw accountError(parts, request, error);
    }
  });
  background.track(looking, ignore);
  return looking;
}
