import type { Entry } from '../model/entry.ts';
import type { TierStep } from '../model/lookup.ts';
import type { Generations } from '../model/tags.ts';
import type { Envelope } from '../ports/codec.ts';
import type { StoredValue } from '../ports/remote-tier.ts';
import { NO_SPAN } from '../ports/tracer.ts';
import { acquire, answerTo } from '../refill/acquire.ts';
import { recall } from '../refill/generations.ts';
import { stepOf } from '../refill/l2-step.ts';
import { offerStale } from '../refill/offer.ts';
import { refill } from '../refill/refill.ts';
import { storeInL1 } from '../refill/store-in-l1.ts';
import { decodeStored, validateStored } from '../refill/stored-value.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import type { AcquireRequest, BatchAnswer } from '../state/l2-question.ts';
import { type RefillResult, toRefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { answerOf, timeoutOf, type Waited, waitFor } from '../state/wait-for.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';
import { count, lookupOf, missOf, reportFailure, reportLookup } from './lookup-result.ts';
import { refreshBehind } from './refresh.ts';

/**
 * Serves the usual lookup: no flight of the key is under way, L1 cannot answer, and a healthy L2 holds a fresh value.
 * It takes the steps of `answer` and `refill` in the same order, without promises between them, which would cost more
 * than the steps. For any other answer of L2 it hands the flight to `refill`.
 * @returns nothing when the lookup is not the usual one. Nothing has been done then.
 */
export function tryFastPath(
  context: CacheContext,
  request: ReadRequest,
  wanted: 'value' | 'lookup',
): Promise<unknown> | undefined {
  const { l1, l2, flights, clock, proof, pending } = context;
  const { id, options } = request;
  if (l2 === undefined || !l2.breaker.isClosed || l2.readiness.isAwaited || !pending.isEmpty) return undefined;
  if (options.forceFresh || options.signal?.aborted || flights.countOf(id) > 0) return undefined;
  const began = clock.now();
  const local = l1.get(id);
  if (!proof.isProven(began) || (local !== undefined && (local.failed || began < local.localUntil))) return undefined;
  const flight = flights.open(id, flightSetup(context, request, { background: false, mayLoad: true, beganAt: began }));
  if (local !== undefined) offerStale(context, flight, { entry: local, tier: 'l1' }, undefined);
  return new FastPathLookup(context, l2, request, flight, local, wanted).start();
}

/** One lookup on the fast path. It is an object and not a set of closures, because many run at once. */
class FastPathLookup implements AcquireRequest {
  readonly request: ReadRequest;
  readonly flight: Flight<RefillResult>;
  place = 0;
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  /** Judged when L1 is asked: an invalidation may end the entry before the answer is delivered. */
  readonly #l1Outcome: 'stale' | 'miss';
  readonly #wanted: 'value' | 'lookup';

  constructor(
    context: CacheContext,
    l2: GuardedL2,
    request: ReadRequest,
    flight: Flight<RefillResult>,
    local: Entry | undefined,
    wanted: 'value' | 'lookup',
  ) {
    this.request = request;
    this.flight = flight;
    this.#context = context;
    this.#l2 = l2;
    this.#l1Outcome = local === undefined ? 'miss' : missOf(local, flight.beganAt);
    this.#wanted = wanted;
  }

  /**
   * Asks L2 and registers the continuations in the caller's own call. The loader and all other user code therefore run
   * in the caller's asynchronous context, even when other callers share the question.
   */
  start(): Promise<unknown> {
    const { flight, request } = this;
    const { options } = request;
    flight.join(options.hardTimeoutMs);
    // A caller that may leave early, or take another answer, waits like a caller that joins.
    if (
      options.signal !== undefined ||
      options.softTimeoutMs !== Infinity ||
      options.hardTimeoutMs <= options.l2TimeoutMs
    ) {
      const waiting = this.#deliverLater();
      this.#context.background.track(acquire(this.#context, this.#l2, this).then((answer) => this.#end(answer)));
      return waiting;
    }
    return acquire(this.#context, this.#l2, this).then((answer) => this.#answer(answer));
  }

  /** Returns the caller's answer. */
  #answer(answer: BatchAnswer): unknown {
    const context = this.#context;
    const { flight } = this;
    const entry = this.#hit(answer);
    if (entry === undefined) return this.#deliverLater();
    const kept = storeInL1(context, flight, entry);
    // The caller wants only the value, and no other caller or observer waits for the result.
    if (this.#wanted === 'value' && !flight.isAwaited && context.observers.size === 0) {
      context.flights.end(flight);
      this.request.counters.l2Hits += 1;
      return entry.value;
    }
    return this.#deliver(this.#settle(entry, kept, answer.now));
  }

  /** Ends the flight. The caller waits for its result separately. */
  #end(answer: BatchAnswer): void {
    const entry = this.#hit(answer);
    if (entry !== undefined) this.#settle(entry, storeInL1(this.#context, this.flight, entry), answer.now);
  }

  /**
   * Returns the entry of a fresh value. Otherwise the flight goes on in {@link refill}, or ends with the error of this
   * step.
   */
  #hit(answer: BatchAnswer): Entry | undefined {
    try {
      return this.#freshOrRefill(answer);
    } catch (error) {
      this.#context.flights.follow(this.flight, Promise.reject(error));
      return undefined;
    }
  }

  #freshOrRefill(answer: BatchAnswer): Entry | undefined {
    const context = this.#context;
    const { request, flight } = this;
    const { generations } = answer;
    const { record, terms } = answerTo(this.#l2, this, answer);
    const value = record?.kind === 'value' ? record.value : undefined;
    const envelope = value && decodeStored(context, request, value);
    const entry = value && envelope && this.#freshEntry(value, envelope, generations, answer.now);
    if (entry !== undefined) return entry;
    const first = { record, terms, generations, envelope };
    context.flights.follow(flight, refill(context, request, flight, first));
    return undefined;
  }

  #settle(entry: Entry, kept: boolean, now: number): RefillResult {
    const { flight } = this;
    const step = stepOf('hit', undefined, false, now - flight.beganAt);
    const result = toRefillResult(entry, 'fresh', 'l2', kept, step, undefined);
    this.#context.flights.settle(flight, result);
    return result;
  }

  /** Returns the entry of a value that is fresh by what this process knows without another question. */
  #freshEntry(value: StoredValue, envelope: Envelope, generations: Generations, now: number): Entry | undefined {
    if (!knowsAll(this.#context, envelope, this.request, generations)) return undefined;
    const verdict = validateStored(this.#context, this.request, this.flight, value, envelope, generations, now);
    return verdict.kind === 'usable' && verdict.state === 'fresh' ? verdict.entry : undefined;
  }

  /**
   * Waits until the flight ends or the caller's time is over. The caller's time ends before the flight's load is
   * aborted for it.
   */
  #deliverLater(): Promise<unknown> {
    const { flight, request } = this;
    return waitFor(this.#context, request, flight, flight.beganAt + request.options.hardTimeoutMs).then(
      (waited) => this.#deliver(this.#answerOf(waited)),
      (error: unknown) => {
        throw reportFailure(this.#context, request, error);
      },
    );
  }

  #answerOf(waited: Waited): RefillResult {
    const { flight, request } = this;
    try {
      const result = answerOf(this.#context, request, flight, waited);
      if (result === undefined) throw timeoutOf(request);
      return result;
    } catch (error) {
      throw reportFailure(this.#context, request, error);
    }
  }

  #deliver(result: RefillResult): unknown {
    const context = this.#context;
    const { request } = this;
    if (result.state === 'stale' && result.source === undefined) refreshBehind(context, request, NO_SPAN);
    if (this.#wanted === 'value' && context.observers.size === 0) {
      count(request, result, result.source);
      return result.value;
    }
    const { beganAt } = this.flight;
    const l1: TierStep = {
      outcome: this.#l1Outcome,
      reason: undefined,
      stored: result.keptInL1,
      collapsed: false,
      durationMs: 0,
    };
    const lookup = lookupOf(context, result, l1, beganAt);
    reportLookup(context, request, lookup);
    return this.#wanted === 'value' ? lookup.value : lookup;
  }
}

/** True when the generations of all tags of the value are known, so that L2 need not be asked again. */
function knowsAll(context: CacheContext, { tags }: Envelope, request: ReadRequest, generations: Generations): boolean {
  // The value carries only the tags of the request, and their generations were read with it.
  if (tags.length === request.tagIds.length) return true;
  for (const [tag] of tags) if (!generations.has(tag) && recall(context, [tag], generations).length > 0) return false;
  return true;
}
