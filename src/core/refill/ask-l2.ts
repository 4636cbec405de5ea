import { type Entry, refreshDue, refreshesNow } from '../model/entry.ts';
import type { BypassReason } from '../model/lookup.ts';
import type { Generations } from '../model/tags.ts';
import type { Envelope } from '../ports/codec.ts';
import type { RemoteTier, StoredRecord, StoredValue } from '../ports/remote-tier.ts';
import { attempt } from '../primitives/attempt.ts';
import { pause } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { AcquireRequest, Terms } from '../state/l2-question.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Asked, GuardedL2, Unanswered } from '../tiers/guarded-l2.ts';
import { isAlive } from '../tiers/is-alive.ts';
import { acquire, answerTo } from './acquire.ts';
import { generationsFor } from './generations.ts';
import type { Lease } from './lease.ts';
import { decodeStored, validateStored } from './stored-value.ts';

/** The answer of L2 to a flight. */
export type L2Answer =
  | { readonly kind: 'entry'; readonly entry: Entry; readonly state: 'fresh' | 'stale' }
  /** Load, and fill with this right. `candidate` serves if the load fails. */
  | { readonly kind: 'mine'; readonly lease: Lease; readonly candidate: Entry | undefined }
  /** Another flight refreshes the key. Only a background refresh gets this answer. */
  | { readonly kind: 'elsewhere'; readonly candidate: Entry | undefined }
  /** Load without a fill: L2 could not say, or its lease holder took too long. */
  | { readonly kind: 'no-right'; readonly reason: BypassReason | undefined; readonly candidate: Entry | undefined };

/** The answer to {@link acquire}, given already. */
export interface FirstAnswer {
  readonly record: StoredRecord | undefined;
  readonly terms: Asked<Terms>;
  readonly generations: Generations;
  /** The decoded record; `undefined` when its bytes are no answer, or there is no value. */
  readonly envelope: Envelope | undefined;
}

/** The answer, how long it took, and the tags' generations that were read on the way. */
export interface AskedL2 {
  readonly answer: L2Answer;
  readonly generations: Generations;
  /** True when the flight waited for a load elsewhere in the fleet. */
  readonly collapsed: boolean;
}

/** A waiter asks again after this long, jittered, so that the fleet's waiters do not ask together. */
const POLL_MIN_MS = 10;

const POLL_SPREAD_MS = 40;

/**
 * Asks L2 for the value of one key, or for the right to fill it. While another lease holder has that right, the flight
 * waits and asks again.
 */
export class L2Question {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #request: ReadRequest;
  readonly #flight: Flight<RefillResult>;
  readonly #onCandidate: (candidate: Entry) => void;
  readonly #generations: Generations = new Map();
  #candidate: Entry | undefined;
  #first: FirstAnswer | undefined;
  /** Until when the lease or claim of another instance lasts, as far as is known; `-Infinity` while none has been met. */
  #leasedUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param onCandidate Gets an old value as soon as it is read, because the load of a new one may take long.
   * @param first The answer of L2, where the caller has asked it already.
   */
  constructor(
    context: CacheContext,
    l2: GuardedL2,
    request: ReadRequest,
    flight: Flight<RefillResult>,
    onCandidate: (candidate: Entry) => void,
    first?: FirstAnswer,
  ) {
    this.#context = context;
    this.#l2 = l2;
    this.#request = request;
    this.#flight = flight;
    this.#onCandidate = onCandidate;
    if (first !== undefined) this.#take(first.generations);
    this.#first = first;
  }

  async ask(): Promise<AskedL2> {
    const { clock, random } = this.#context;
    const flight = this.#flight;
    const beganAt = clock.now();
    let collapsed = false;
    for (;;) {
      const answer = await this.#once();
      if (answer === 'busy' || answer.kind !== 'entry') flight.goOn('further-questions');
      if (answer !== 'busy') return { answer, generations: this.#generations, collapsed };
      if (flight.background && !flight.hasWaiters)
        return { answer: { kind: 'elsewhere', candidate: this.#candidate }, generations: this.#generations, collapsed };
      collapsed = true;
      this.#request.bulk?.dropOut();
      const pollMs = POLL_MIN_MS + random.next() * POLL_SPREAD_MS;
      await pause(clock, Math.min(pollMs, Math.max(flight.leaseWaitUntil - clock.now(), 0)), flight.signal);
      const waitUntil = Math.min(beganAt + flight.hardTimeoutMs, flight.leaseWaitUntil);
      // The callers who began it have left by now. One who joined later has time left for a load of its own.
      if (flight.signal.aborted || clock.now() >= waitUntil) {
        return { answer: this.#noRight(undefined), generations: this.#generations, collapsed };
      }
    }
  }

  async #once(): Promise<L2Answer | 'busy'> {
    const first = this.#first;
    this.#first = undefined;
    const { record, terms } = first ?? (await this.#acquire());
    if (!terms.ok) return this.#unanswered(terms);
    if (record === undefined) return this.#noRight('error');
    const { token, generation } = terms.value;
    switch (record.kind) {
      case 'none':
        return {
          kind: 'mine',
          lease: { expected: { kind: 'lease', token }, claim: undefined, generation },
          candidate: undefined,
        };
      case 'lease':
        return this.#request.options.forceFresh ? this.#noRight(undefined) : this.#busy();
      case 'outcome':
        return this.#afterLoadElsewhere();
      case 'value':
        return this.#weigh(
          record.value,
          first === undefined ? decodeStored(this.#context, this.#request, record.value) : first.envelope,
          token,
          generation,
        );
    }
  }

  /** Reads the record, or takes the lease, and reads the generations that are not known, in one round trip. */
  async #acquire(): Promise<Pick<FirstAnswer, 'record' | 'terms'>> {
    const request: AcquireRequest = { request: this.#request, flight: this.#flight, place: 0 };
    const answer = await acquire(this.#context, this.#l2, request);
    this.#take(answer.generations);
    return answerTo(this.#l2, request, answer);
  }

  /** Takes the generations of the tags that this read names. The others belong to other flights of the same batch. */
  #take(generations: Generations): void {
    for (const tag of this.#request.tagIds) {
      const generation = generations.get(tag);
      if (generation !== undefined && !this.#generations.has(tag)) this.#generations.set(tag, generation);
    }
  }

  async #weigh(
    value: StoredValue,
    envelope: Envelope | undefined,
    token: string,
    generation: string,
  ): Promise<L2Answer | 'busy'> {
    if (envelope !== undefined) {
      const tags = envelope.tags.map(([tag]) => tag);
      if (this.#flight.undelivered.covers(this.#request.id, tags)) return this.#noRight('pending');
      const about = { flight: this.#flight, envelope };
      const failed = await generationsFor(this.#context, this.#request, about, this.#generations);
      if (failed !== undefined) return this.#unanswered(failed);
      const verdict = validateStored(this.#context, this.#request, this.#flight, value, envelope, this.#generations);
      if (verdict.kind === 'expired') this.#candidate = verdict.entry;
      if (verdict.kind === 'usable' && !this.#request.options.forceFresh) {
        const mustRefresh = this.#flight.background && !this.#isFreshEnough(verdict.entry);
        if (!mustRefresh) return { kind: 'entry', entry: verdict.entry, state: verdict.state };
        this.#candidate = verdict.entry;
      }
      if (this.#candidate !== undefined) this.#onCandidate(this.#candidate);
    }
    return this.#claim(value.token, token, generation);
  }

  /**
   * Claims the right to replace a value. One flight in the fleet gets it, and fills only over the value that it saw. The key
   * is read again behind the claim, in the same flush: an earlier holder of the claim may have replaced the value since.
   */
  async #claim(seen: string, token: string, generation: string): Promise<L2Answer | 'busy'> {
    const { id, key, options } = this.#request;
    const right = { expected: { kind: 'value', token: seen }, claim: token, generation } as const;
    if (options.forceFresh) return { kind: 'mine', lease: { ...right, claim: undefined }, candidate: this.#candidate };
    this.#flight.goOn('further-questions');
    const release = (tier: RemoteTier): void => {
      this.#context.background.track(attempt(() => tier.releaseRefresh(id, generation, token)));
    };
    const claimed = await this.#l2.ask(
      { name: 'claim', budgetMs: options.l2TimeoutMs, key, values: 1 },
      async (tier) => {
        const [granted, record] = await Promise.all([
          attempt(() => tier.claimRefresh(id, generation, token, options.leaseMs)),
          attempt(() => tier.read(id, generation)),
        ]);
        const isStill = record.kind === 'value' && record.value.token === seen;
        if (granted === 'granted' && !isStill) release(tier);
        return { granted, isStill };
      },
      ({ granted, isStill }, tier) => {
        if (granted === 'granted' && isStill) release(tier);
      },
    );
    if (!claimed.ok) return this.#unanswered(claimed);
    const { granted, isStill } = claimed.value;
    if (granted === 'granted') return isStill ? { kind: 'mine', lease: right, candidate: this.#candidate } : 'busy';
    return granted === 'taken' || !isStill ? this.#busy() : this.#afterLoadElsewhere();
  }

  #busy(): 'busy' {
    this.#leasedUntil = this.#context.clock.now() + this.#request.options.leaseMs;
    return 'busy';
  }

  /**
   * L2 has not answered. A flight that knows of a lease goes on waiting: one late answer says nothing of the load that it
   * waits for, and all who wait would load at once (race 55). That ends with the time of its callers, when the breaker opens,
   * or when this instance knows no history of L2 for as long as the lease lasts.
   */
  #unanswered({ reason, error }: Unanswered): L2Answer | 'busy' {
    const isBlip =
      reason === 'timeout' ||
      (reason === 'error' && !isAlive(error)) ||
      (reason === 'untrusted' && this.#context.clock.now() < this.#leasedUntil);
    const waits = this.#leasedUntil !== Number.NEGATIVE_INFINITY && this.#l2.breaker.isClosed;
    return waits && isBlip ? 'busy' : this.#noRight(reason);
  }

  /** The load of another instance brought nothing for L2: this instance loads for itself, and a refresh stands back. */
  #afterLoadElsewhere(): L2Answer {
    const { background, hasWaiters } = this.#flight;
    if (background && !hasWaiters) return { kind: 'elsewhere', candidate: this.#candidate };
    return this.#noRight(undefined);
  }

  /** True when another flight has refreshed the value in the meantime, so that a background refresh need not. */
  #isFreshEnough(entry: Entry): boolean {
    const { clock, l1, random } = this.#context;
    const { id, options } = this.#request;
    const now = clock.now();
    if (now < refreshDue(entry, options)) return true;
    // With XFetch the draws of a slow load begin as soon as it has ended: they must not make a fleet load in turns. A
    // value that is another one than here has had no draw of its own yet.
    const local = l1.get(id);
    const isNewer = local !== undefined && entry.storedAt - local.storedAt > local.loadMs / 2;
    return isNewer && !refreshesNow(entry, options, now, random);
  }

  #noRight(reason: BypassReason | undefined): L2Answer {
    return { kind: 'no-right', reason, candidate: this.#candidate };
  }
}
