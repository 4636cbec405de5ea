import type { Entry } from '../model/entry.ts';
import type { TierStep } from '../model/lookup.ts';
import type { Generations } from '../model/tags.ts';
import type { Envelope } from '../ports/codec.ts';
import type { StoredValue } from '../ports/remote-tier.ts';
import { NO_SPAN } from '../ports/tracer.ts';
import { acquire, answerTo } from '../refill/acquire.ts';
import { recall } from '../refill/generations.ts';
import { offerStale, refill, stepOf, storeInL1 } from '../refill/refill.ts';
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
 * The usual course of a lookup: nobody is at the key, L1 has nothing that could serve, L2 is well and holds a fresh value.
 * The same steps as `answer` and `refill` take, in the same order, without a promise between them, which would cost more
 * than the steps. What L2 says beyond that is left to `refill`.
 * @returns nothing when it is not the usual course; nothing has been done then.
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

/** One such lookup; an object instead of closures, because there are many at once. */
class FastPathLookup implements AcquireRequest {
  readonly request: ReadRequest;
  readonly flight: Flight<RefillResult>;
  place = 0;
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #local: Entry | undefined;
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
    this.#local = local;
    this.#wanted = wanted;
  }

  /**
   * Continuations are registered here, in the caller's own call: so the loader and all other user code run in the caller's
   * asynchronous context, whoever else asked in this turn.
   */
  start(): Promise<unknown> {
    const { flight, request } = this;
    const { options } = request;
    flight.join(options.hardTimeoutMs);
    // A caller that may leave before the end, or take something else instead, waits like one that joins.
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

  /** What the caller is answered with. */
  #answer(answer: BatchAnswer): unknown {
    const context = this.#context;
    const { flight } = this;
    const entry = this.#hit(answer);
    if (entry === undefined) return this.#deliverLater();
    const kept = storeInL1(context, flight, entry);
    // A caller that asks for no more than the value, and is alone.
    if (this.#wanted === 'value' && !flight.isAwaited && context.observers.size === 0) {
      context.flights.end(flight);
      this.request.counters.l2Hits += 1;
      return entry.value;
    }
    return this.#deliver(this.#settle(entry, kept, answer.now));
  }

  /** Ends the flight, for whose result the caller waits by itself. */
  #end(answer: BatchAnswer): void {
    const entry = this.#hit(answer);
    if (entry !== undefined) this.#settle(entry, storeInL1(this.#context, this.flight, entry), answer.now);
  }

  /** The entry of a fresh value. Else the flight goes on by {@link refill}, or ends with what was thrown on the way. */
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

  /** The entry of a value that is fresh as far as this process can say without asking again. */
  #freshEntry(value: StoredValue, envelope: Envelope, generations: Generations, now: number): Entry | undefined {
    if (!knowsAll(this.#context, envelope, this.request, generations)) return undefined;
    const verdict = validateStored(this.#context, this.request, this.flight, value, envelope, generations, now);
    return verdict.kind === 'usable' && verdict.state === 'fresh' ? verdict.entry : undefined;
  }

  /** Until the flight ends or the caller's time is over, which it is before a load of its own is aborted for it. */
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
    const lookup = lookupOf(context, result, l1StepOf(this.#local, beganAt, result.keptInL1), beganAt);
    reportLookup(context, request, lookup);
    return this.#wanted === 'value' ? lookup.value : lookup;
  }
}

/** Whether the generations of all its tags are known, so that nothing more need be asked. */
function knowsAll(context: CacheContext, { tags }: Envelope, request: ReadRequest, generations: Generations): boolean {
  // It carries those of the request, whose generations have been read with it.
  if (tags.length === request.tagIds.length) return true;
  for (const [tag] of tags) if (!generations.has(tag) && recall(context, [tag], generations).length > 0) return false;
  return true;
}

/** What L1 had to say. */
function l1StepOf(local: Entry | undefined, began: number, stored: boolean): TierStep {
  return { outcome: missOf(local, began), reason: undefined, stored, collapsed: false, durationMs: 0 };
}
