import { type Entry, freshnessOf, mayServeOnError, tagsAreCurrent } from '../model/entry.ts';
import { recordStayMs } from '../model/lifetime.ts';
import type { TierStep } from '../model/lookup.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { RemoteError, type RemoteTier } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { type RefillResult, toRefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Asked, GuardedL2 } from '../tiers/guarded-l2.ts';
import { type AskedL2, type FirstAnswer, type L2Answer, L2Question } from './ask-l2.ts';
import { keepTags } from './generations.ts';
import { outcomeOf, stepOf } from './l2-step.ts';
import { type Lease, leaveOutcome, releaseLease } from './lease.ts';
import { loadFor } from './load.ts';
import { buildLoadedEntry, type LoadedEntry } from './loaded-entry.ts';
import { type Fallback, offerStale, offerStandIn } from './offer.ts';
import { dropFromL1, mayStoreInL1, storeInL1 } from './store-in-l1.ts';
import { packed, tooLong } from './stored-value.ts';
import { readUnrepaired } from './unrepaired.ts';

/** After a failed load with a stale value at hand, the next try waits this long, shortened by up to half at random. */
const ERROR_BACKOFF_MS = 1_000;

/** After finding that another instance refreshes the key, this instance looks again after this long. */
const REFRESH_POLL_MS = 50;

interface AnswerAndStep {
  readonly answer: L2Answer & { generations?: AskedL2['generations'] };
  readonly step: TierStep | undefined;
}

const NO_L2: AnswerAndStep = { answer: { kind: 'no-right', reason: undefined, candidate: undefined }, step: undefined };

interface FillOutcome {
  readonly outcome: 'stored' | 'refused' | 'failed' | 'not-tried';
  readonly durationMs: number;
}

const NOT_TRIED: FillOutcome = { outcome: 'not-tried', durationMs: 0 };

/**
 * Runs one flight: finds a value for the key and stores it in each tier that may hold it.
 * 1. Ask L2. A usable value is copied into L1 and returned.
 * 2. Otherwise call the loader.
 * 3. Fill L2, if this flight holds the lease.
 * 4. Store in L1, unless an invalidation of the key or of one of its tags arrived in the meantime.
 *
 * Reads, background refreshes and `forceFresh` all come through here, so these rules hold for each of them.
 * @param first The answer of L2, where the caller has asked it already.
 */
export function refill(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  first?: FirstAnswer,
): Promise<RefillResult> {
  return new Refill(context, request, flight).run(first);
}

class Refill {
  readonly #context: CacheContext;
  readonly #request: ReadRequest;
  readonly #flight: Flight<RefillResult>;

  constructor(context: CacheContext, request: ReadRequest, flight: Flight<RefillResult>) {
    this.#context = context;
    this.#request = request;
    this.#flight = flight;
  }

  async run(first: FirstAnswer | undefined): Promise<RefillResult> {
    const local = this.#context.l1.get(this.#request.id);
    this.#offerStale({ entry: local, tier: 'l1' }, undefined);

    const { answer, step } = await this.#askL2(first);
    if (answer.kind === 'entry') {
      const kept = storeInL1(this.#context, this.#flight, answer.entry);
      return toRefillResult(answer.entry, answer.state, 'l2', kept, step, undefined);
    }

    const isUntrusted = answer.kind === 'no-right' && answer.reason === 'untrusted';
    const found = answer.candidate ?? (isUntrusted ? await this.#offerUnrepaired(step) : undefined);
    if (answer.kind === 'elsewhere') {
      const [entry, tier] = local === undefined ? [found, 'l2' as const] : [local, 'l1' as const];
      if (entry !== undefined) return this.#standBack(entry, tier, step);
    }
    return this.#loadAndStore(
      answer,
      step,
      found === undefined ? { entry: local, tier: 'l1' } : { entry: found, tier: 'l2' },
    );
  }

  async #askL2(first: FirstAnswer | undefined): Promise<AnswerAndStep> {
    const { l2, clock, tracer } = this.#context;
    const request = this.#request;
    const flight = this.#flight;
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
        this.#offerStale({ entry, tier: 'l2' }, step);
        offerStandIn(this.#context, flight, entry, step);
      };
      const question = new L2Question(this.#context, l2, request, flight, onCandidate, first);
      const { answer, generations, collapsed } = await question.ask();
      const durationMs = clock.now() - began;
      const reason = answer.kind === 'no-right' ? answer.reason : undefined;
      span.set(
        reason === undefined ? { [ATTRIBUTE.hit]: answer.kind === 'entry' } : { [ATTRIBUTE.bypassReason]: reason },
      );
      return { answer: { ...answer, generations }, step: stepOf(outcomeOf(answer), reason, collapsed, durationMs) };
    });
  }

  /** Reads the value of an L2 that is not repaired. It serves callers whose load fails or whose `softTimeout` runs out. */
  async #offerUnrepaired(step: TierStep | undefined): Promise<Entry | undefined> {
    const { l2 } = this.#context;
    const entry = l2 && (await readUnrepaired(this.#context, l2, this.#request, this.#flight));
    if (entry !== undefined) this.#offerStale({ entry, tier: 'l2' }, step);
    return entry;
  }

  /** Leaves a background refresh to the instance that has begun it. The old value serves on and is looked at again soon. */
  #standBack(held: Entry, tier: Fallback['tier'], step: TierStep | undefined): RefillResult {
    const { l1, clock } = this.#context;
    const { id } = this.#flight;
    const isStill = l1.get(id) === held && l1.set(id, { ...held, retryAt: clock.now() + REFRESH_POLL_MS });
    return toRefillResult(held, 'stale', tier, isStill, step, undefined);
  }

  async #loadAndStore(
    answer: AnswerAndStep['answer'],
    l2: TierStep | undefined,
    fallback: Fallback,
  ): Promise<RefillResult> {
    const context = this.#context;
    const request = this.#request;
    const flight = this.#flight;
    const lease = answer.kind === 'mine' ? answer.lease : undefined;
    const began = context.clock.now();

    let built: LoadedEntry;
    try {
      const loaded = await loadFor(context, request, flight, fallback.entry, lease);
      const generations = answer.generations ?? new Map();
      built = await buildLoadedEntry(context, request, flight, loaded, generations, lease !== undefined);
    } catch (error) {
      const durationMs = context.clock.now() - began;
      // A load that was given up says nothing about the source.
      if (flight.signal.aborted) releaseLease(context, request, lease);
      else leaveOutcome(context, request, lease, { outcome: 'failed', loadMs: durationMs });
      return this.#serveStale(fallback, l2, error, durationMs);
    }

    const source = { outcome: 'loaded', durationMs: context.clock.now() - began } as const;
    const fill = await this.#fillL2(lease, built);
    // A refused fill means that an invalidation has passed. Its message may not have arrived here yet.
    const kept =
      built.mayKeepInL1 && fill.outcome !== 'refused'
        ? storeInL1(context, flight, built.entry)
        : dropFromL1(context, flight);
    const step = l2 && { ...l2, stored: fill.outcome === 'stored', durationMs: l2.durationMs + fill.durationMs };
    return toRefillResult(built.entry, 'fresh', 'source', kept, step, source);
  }

  async #fillL2(lease: Lease | undefined, built: LoadedEntry): Promise<FillOutcome> {
    const { l2, clock, counters, emit } = this.#context;
    const { key } = this.#request;
    if (l2 === undefined || lease === undefined) return NOT_TRIED;
    if (!built.isWanted) {
      this.#leaveNotStored(lease, built);
      return NOT_TRIED;
    }
    if (!built.mayFillL2 || this.#flight.poisoned || !tagsAreCurrent(this.#flight.tags)) {
      releaseLease(this.#context, this.#request, lease);
      return NOT_TRIED;
    }
    const body = this.#packedBody(lease, built);
    if (body === undefined) return NOT_TRIED;

    const began = clock.now();
    const filled = await this.#send(l2, lease, built, body);
    const durationMs = clock.now() - began;

    if (!filled.ok) {
      counters.fillsFailed += 1;
      // The release is harmless where the fill arrived: the lease is not there any more.
      if (filled.error instanceof RemoteError && filled.error.failure === 'invalid') this.#leaveNotStored(lease, built);
      else releaseLease(this.#context, this.#request, lease);
    } else if (!filled.value) {
      counters.fillsRefused += 1;
      emit({ type: 'fill_refused', key });
    }
    return { outcome: filled.ok ? (filled.value ? 'stored' : 'refused') : 'failed', durationMs };
  }

  /** Packs the body for L2. A body that is too long, or that cannot be packed, is reported, and peers may load at once. */
  #packedBody(lease: Lease, built: LoadedEntry): LoadedEntry['body'] | undefined {
    const { counters, emit } = this.#context;
    const { key } = this.#request;
    try {
      const error = tooLong(this.#context, built.body, key);
      if (error !== undefined) throw error;
      return packed(this.#context, built.body);
    } catch (error) {
      const { background } = this.#flight;
      emit({ type: 'tier_failure', error, operation: 'fill', tier: 'l2', key, background });
      counters.fillsFailed += 1;
      this.#leaveNotStored(lease, built);
      return undefined;
    }
  }

  #send(
    l2: GuardedL2,
    lease: Lease,
    { entry, keepForMs }: LoadedEntry,
    body: LoadedEntry['body'],
  ): Promise<Asked<boolean>> {
    const { clock, random, tracer } = this.#context;
    const { id, key, options } = this.#request;
    const { tags, storedAt } = entry;
    const began = clock.now();
    const fill = (tier: RemoteTier): Promise<boolean> => {
      keepTags(this.#context, tier, { tags, generation: lease.generation, usefulUntil: storedAt + keepForMs });
      return tier.fill({
        id,
        ...lease,
        token: random.token(),
        body,
        age: began - storedAt,
        notAfter: l2.toServer(storedAt),
        keepFor: recordStayMs(keepForMs),
      });
    };
    return tracer.trace(SPAN.l2Fill, { [ATTRIBUTE.dbSystem]: l2.tier.system }, () =>
      l2.ask({ name: 'fill', budgetMs: options.l2TimeoutMs, key, bytes: body.length }, fill),
    );
  }

  #leaveNotStored(lease: Lease, { entry: { loadMs } }: LoadedEntry): void {
    leaveOutcome(this.#context, this.#request, lease, { outcome: 'not-stored', loadMs });
  }

  /**
   * Answers after a failed load: with a value within `staleIfError`, flagged.
   * @throws the loader's error, unchanged, where there is no such value.
   */
  #serveStale({ entry, tier }: Fallback, l2: TierStep | undefined, error: unknown, durationMs: number): RefillResult {
    const { l1, clock, random, emit } = this.#context;
    const flight = this.#flight;
    // No caller waits any more, or the cache is closing. Neither says anything about the source.
    if (flight.signal.aborted || entry === undefined) throw error;

    const now = clock.now();
    const freshness = freshnessOf(entry, now);
    const mayAnswer = mayServeOnError(entry, now);
    let kept = mayStoreInL1(flight, entry) && (mayAnswer || freshness === 'fresh' || freshness === 'stale');
    if (kept) {
      // The value may answer later reads. None of them starts a load during the back-off.
      const backoffMs = ERROR_BACKOFF_MS * (1 - random.next() / 2);
      kept = l1.set(flight.id, { ...entry, retryAt: now + backoffMs, failed: true });
    }
    if (!mayAnswer) throw error;

    const { background, hasWaiters } = flight;
    // A caller whose own time ran out earlier has been told then.
    if (background || hasWaiters)
      emit({ type: 'tier_failure', error, operation: 'load', tier: 'source', key: this.#request.key, background });
    return toRefillResult(entry, 'stale', tier, kept, l2, { outcome: 'failed', durationMs });
  }

  #offerStale(fallback: Fallback, step: TierStep | undefined): void {
    offerStale(this.#context, this.#flight, fallback, step);
  }
}
