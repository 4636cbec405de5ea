import type { Entry } from '../model/entry.ts';
import type { TierStep } from '../model/lookup.ts';
import type { Generations } from '../model/tags.ts';
import type { Envelope } from '../ports/codec.ts';
import type { StoredRecord, StoredValue } from '../ports/remote-tier.ts';
import { NO_SPAN } from '../ports/tracer.ts';
import { acquire } from '../refill/acquire.ts';
import { recall } from '../refill/generations.ts';
import { keep, offerStale, refill, stepOf } from '../refill/refill.ts';
import { judge, openEnvelope } from '../refill/stored-value.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import type { Question, Terms } from '../state/l2-question.ts';
import { type Refilled, refilledOf } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { waitFor } from '../state/wait-for.ts';
import type { Asked } from '../tiers/guarded-l2.ts';
import { account, accountError, count, lookupOf, missOf } from './lookup-result.ts';
import { refreshBehind } from './refresh.ts';

/**
 * The usual course of a lookup: nobody is at the key, L1 has nothing that could serve, L2 is well and holds a fresh value.
 * The same steps as `answer` and `refill` take, in the same order, without a promise between them, which would cost more
 * than the steps. What L2 says beyond that is left to `refill`.
 * @returns nothing when it is not the usual course; nothing has been done then.
 */
export function lookUpStraight(
  parts: Parts,
  request: ReadRequest,
  wanted: 'value' | 'lookup',
): Promise<unknown> | undefined {
  const { l1, remote, flights, clock, proof, pending } = parts;
  const { id, options } = request;
  if (remote === undefined || !remote.breaker.isClosed || remote.contact.isAwaited || !pending.isEmpty)
    return undefined;
  if (options.forceFresh || options.signal?.aborted || flights.countOf(id) > 0) return undefined;
  const began = clock.now();
  const local = l1.get(id);
  if (began > proof.until || (local !== undefined && (local.failed || began < local.localUntil))) return undefined;
  const flight = flights.open(id, flightSetup(parts, request, { background: false, mayLoad: true, beganAt: began }));
  if (local !== undefined) offerStale(parts, flight, { entry: local, tier: 'l1' }, undefined);
  const lookup = new StraightLookup(parts, request, flight, local, wanted);
  const answer = lookup.wait();
  acquire(parts, remote, lookup);
  return answer;
}

/** One such lookup; an object instead of closures, because there are many at once. */
class StraightLookup implements Question {
  readonly request: ReadRequest;
  readonly flight: Flight<Refilled>;
  readonly #parts: Parts;
  readonly #local: Entry | undefined;
  readonly #wanted: 'value' | 'lookup';
  #resolve: ((answer: unknown) => void) | undefined;

  constructor(
    parts: Parts,
    request: ReadRequest,
    flight: Flight<Refilled>,
    local: Entry | undefined,
    wanted: 'value' | 'lookup',
  ) {
    this.request = request;
    this.flight = flight;
    this.#parts = parts;
    this.#local = local;
    this.#wanted = wanted;
  }

  wait(): Promise<unknown> {
    const { flight, request } = this;
    const { options } = request;
    // Who may leave before the end, or take something else instead, waits as everybody who joins.
    if (options.signal !== undefined || options.softTimeoutMs !== Infinity)
      return this.#deliverLater(waitFor(this.#parts.clock, flight, options));
    flight.join();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  onAcquired(record: StoredRecord | undefined, terms: Asked<Terms>, generations: Generations, now: number): void {
    const { flight } = this;
    const value = record?.kind === 'value' ? record.value : undefined;
    const envelope = value && openEnvelope(this.#parts, this.request, value);
    const entry = value && envelope && this.#freshEntry(value, envelope, generations, now);
    if (entry === undefined) {
      const first = { record, terms, generations, envelope };
      this.#parts.flights.follow(flight, refill(this.#parts, this.request, flight, first));
      this.#resolve?.(this.#deliverLater(flight.result));
      return;
    }
    const parts = this.#parts;
    const kept = keep(parts, flight, entry);
    // Nobody asks for more than the value.
    if (this.#resolve !== undefined && this.#wanted === 'value' && !flight.isAwaited && parts.observers.size === 0) {
      parts.flights.end(flight);
      this.request.counters.l2Hits += 1;
      this.#resolve(entry.value);
      return;
    }
    const step = stepOf('hit', undefined, false, now - flight.beganAt);
    const refilled = refilledOf(entry, 'fresh', 'l2', kept, step, undefined);
    parts.flights.settle(flight, refilled);
    this.#resolve?.(this.#deliver(refilled));
  }

  /** The entry of a value that is fresh as far as this process can say without asking again. */
  #freshEntry(value: StoredValue, envelope: Envelope, generations: Generations, now: number): Entry | undefined {
    if (!knowsAll(this.#parts, envelope, this.request, generations)) return undefined;
    const verdict = judge(this.#parts, this.request, this.flight, value, envelope, generations, now);
    return verdict.kind === 'usable' && verdict.state === 'fresh' ? verdict.entry : undefined;
  }

  #deliverLater(refilling: Promise<Refilled>): Promise<unknown> {
    return refilling.then(
      (refilled) => this.#deliver(refilled),
      (error: unknown) => {
        throw accountError(this.#parts, this.request, error);
      },
    );
  }

  #deliver(refilled: Refilled): unknown {
    const parts = this.#parts;
    const { request } = this;
    if (refilled.state === 'stale' && refilled.source === undefined) refreshBehind(parts, request, NO_SPAN);
    if (this.#wanted === 'value' && parts.observers.size === 0) {
      count(request, refilled, refilled.source);
      return refilled.value;
    }
    const { beganAt } = this.flight;
    const lookup = lookupOf(parts, refilled, l1StepOf(this.#local, beganAt, refilled.keptInL1), beganAt);
    account(parts, request, lookup);
    return this.#wanted === 'value' ? lookup.value : lookup;
  }
}

/** Whether the generations of all its tags are known, so that nothing more need be asked. */
function knowsAll(parts: Parts, { tags }: Envelope, request: ReadRequest, generations: Generations): boolean {
  // It carries those of the request, whose generations have been read with it.
  if (tags.length === request.tagIds.length) return true;
  for (const [tag] of tags) if (!generations.has(tag) && recall(parts, [tag], generations).length > 0) return false;
  return true;
}

/** What L1 had to say. */
function l1StepOf(local: Entry | undefined, began: number, stored: boolean): TierStep {
  return { outcome: missOf(local, began), reason: undefined, stored, collapsed: false, durationMs: 0 };
}
