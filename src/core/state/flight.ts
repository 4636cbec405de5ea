import { type Entry, tagsAreCurrent } from '../model/entry.ts';
import type { LoadTimeoutError } from '../model/errors.ts';
import type { EntryId } from '../model/key.ts';
import type { TagState } from '../model/tags.ts';
import type { SpanRef } from '../ports/tracer.ts';
import { type AwaitedFlight, Dependents, type RunningLoad } from '../tiers/running-load.ts';
import { longestAnswerMs } from '../tiers/traffic.ts';
import type { EndedTags } from './ended-tags.ts';
import type { Undelivered } from './pending-invalidations.ts';

/** The position in the bus stream that this instance had reached when the flight began. */
export interface SeenAtStart {
  readonly epoch: string | undefined;
  readonly sequence: number;
}

/** The state that a flight starts from. The reader takes it in the same step in which it registers the flight. */
export interface FlightSetup {
  readonly seen: SeenAtStart;
  /** Tags that the reader knows before the load. */
  readonly tags: readonly TagState[];
  /** Default now. */
  readonly beganAt?: number | undefined;
  readonly undelivered: Undelivered;
  readonly background: boolean;
  /** True when it may load. Readers join only such a flight, and few of one key run at once. */
  readonly mayLoad: boolean;
  /** The first caller's limit, as are {@link l2TimeoutMs} and {@link leaseWaitMs}. */
  readonly hardTimeoutMs: number;
  readonly l2TimeoutMs: number;
  readonly leaseWaitMs: number;
  /** True for a `set`: readers of the key wait for it, and values that flights load meanwhile are not stored. */
  readonly isWrite: boolean;
}

/**
 * The stage that a flight has reached.
 * 1. `first-question`: it asks L2, at most for its `l2Timeout`. Most flights end here, with a hit.
 * 2. `further-questions`: it asks L2 again, or waits for a load of another instance.
 * 3. `queue`: its load waits for a place among `maxLoads`.
 * 4. `load`: the loader runs, or the loaded value is being stored.
 */
export type FlightStage = 'first-question' | 'further-questions' | 'queue' | 'load';

/** An answer for callers of a refresh. It may be served only while {@link serves} returns true. */
export interface StandIn<R> {
  readonly answer: R;
  serves(): boolean;
}

/**
 * One refill of one key in this process. It is registered before it sends anything, and ends when its value is stored
 * or refused. Invalidations that arrive meanwhile decide what it may still store.
 */
export class Flight<R> implements AwaitedFlight {
  readonly id: EntryId;
  readonly beganAt: number;
  readonly seen: SeenAtStart;
  /** Tags known before the load, by reference: an invalidation ends their states and need not search for flights. */
  readonly tags: readonly TagState[];
  /** The invalidations that L2 had not acknowledged when the flight began. */
  readonly undelivered: Undelivered;
  /** True for a background refresh, which continues without a waiting caller. */
  readonly background: boolean;
  readonly mayLoad: boolean;
  /** True for a `set` under way. */
  readonly isWrite: boolean;
  /** True when another flight of the key ended first or is a `set`: the value of this one may be older. */
  superseded = false;
  /** False once an invalidation or another flight has closed it to readers; see {@link isJoinable}. */
  isOpen: boolean;
  /** The largest `hardTimeout` of the callers who have joined, in milliseconds. */
  hardTimeoutMs: number;
  /** The moment up to which it may wait for a load of another instance: the earliest that its callers allow. */
  leaseWaitUntil: number;
  /** The moment by which the first question to L2 has ended, with or without an answer. */
  readonly firstAnswerAt: number;
  /** The span that joining callers link to. */
  span: SpanRef | undefined;
  /** The running load, while the loader runs. */
  load: RunningLoad | undefined;
  #isPoisoned = false;
  readonly #ended: EndedTags;
  /** The place of the log of ended tags when the flight began. */
  readonly #endedBefore: number;
  // Most flights end without these, so they are created at their first use.
  #abort: AbortController | undefined;
  #stage: FlightStage = 'first-question';
  readonly #lateFrom: number;
  /** True when the load began later than `l2Timeout` after the flight: it had to wait for a lease or a place. */
  #isLate = false;
  #quick: PromiseWithResolvers<R | undefined> | undefined;
  #onGoOn: (() => void)[] | undefined;
  #dependents: Dependents | undefined;
  #timeout: LoadTimeoutError | undefined;
  #stale: R | undefined;
  #staleEntry: Entry | undefined;
  #candidate: PromiseWithResolvers<R> | undefined;
  #standIn: PromiseWithResolvers<StandIn<R>> | undefined;
  #waiters = 0;
  #result: Promise<R> | undefined;
  #resolve: ((outcome: R | Promise<R>) => void) | undefined;
  #brought: R | undefined;
  #sharedLoad: SharedLoadGroup<R> | undefined;

  /** @param ended The log of the tags that are invalidated from now on. */
  constructor(id: EntryId, beganAt: number, setup: FlightSetup, ended: EndedTags) {
    const { seen, tags, undelivered, background, mayLoad, isWrite, hardTimeoutMs, l2TimeoutMs, leaseWaitMs } = setup;
    this.id = id;
    this.beganAt = beganAt;
    this.seen = seen;
    this.tags = tags;
    this.undelivered = undelivered;
    this.background = background;
    this.mayLoad = mayLoad;
    this.isWrite = isWrite;
    this.isOpen = mayLoad;
    this.hardTimeoutMs = hardTimeoutMs;
    this.leaseWaitUntil = beganAt + leaseWaitMs;
    this.firstAnswerAt = beganAt + longestAnswerMs(l2TimeoutMs, hardTimeoutMs);
    this.#lateFrom = beganAt + l2TimeoutMs;
    this.#ended = ended;
    this.#endedBefore = ended.end;
  }

  /** The outcome of the flight. Its first reader may not need the promise, so it is created on demand. */
  get result(): Promise<R> {
    if (this.#result === undefined) {
      const { promise, resolve } = Promise.withResolvers<R>();
      this.#result = promise;
      this.#resolve = resolve;
      if (this.#brought !== undefined) resolve(this.#brought);
    }
    return this.#result;
  }

  /** True when a caller has asked for {@link result} or {@link quick}. */
  get isAwaited(): boolean {
    return this.#result !== undefined || this.#quick !== undefined;
  }

  get stage(): FlightStage {
    return this.#stage;
  }

  /**
   * The answer to the first question to L2, or `undefined` when the flight takes longer than that. Callers who join a
   * flight that ends with a hit share this one promise. None of them needs a timer, because the question has its own
   * limit.
   */
  get quick(): Promise<R | undefined> {
    if (this.#quick === undefined) {
      this.#quick = Promise.withResolvers();
      if (this.#brought !== undefined || this.#stage !== 'first-question') this.#quick.resolve(this.#brought);
    }
    return this.#quick.promise;
  }

  /** Sends the callers who wait for {@link quick} to {@link result}, because the flight has ended. */
  endQuick(): void {
    this.#quick?.resolve(undefined);
  }

  /** Calls `run` when the flight takes more than its first question. */
  onGoOn(run: () => void): void {
    if (this.#onGoOn === undefined) this.#onGoOn = [run];
    else this.#onGoOn.push(run);
  }

  /** Takes note that the loader is called now. */
  beginLoad(load: RunningLoad, now: number): void {
    this.load = load;
    this.#isLate = now > this.#lateFrom;
    this.goOn('load');
  }

  /** Moves the flight to a stage. From the second stage on, callers watch their own time. */
  goOn(stage: FlightStage): void {
    const wasQuick = this.#stage === 'first-question';
    this.#stage = stage;
    if (!wasQuick) return;
    this.#quick?.resolve(undefined);
    for (const run of this.#onGoOn ?? []) run();
    this.#onGoOn = undefined;
  }

  /** The loads whose loaders wait for this flight. */
  get dependents(): Dependents {
    this.#dependents ??= new Dependents();
    return this.#dependents;
  }

  /** Takes note that the load was aborted at the largest `hardTimeout` of its callers. */
  timedOut(error: LoadTimeoutError): void {
    this.#timeout = error;
  }

  /** True when this error is the one of {@link timedOut}, and not a similar one that a loader threw. */
  endsByTimeout(error: unknown): boolean {
    return this.#timeout !== undefined && this.#timeout === error;
  }

  /** Sets the outcome, once: an answer, or the promise of one. */
  bring(outcome: R | Promise<R>): void {
    if (this.#resolve !== undefined) this.#resolve(outcome);
    else if (outcome instanceof Promise) this.#result = outcome;
    else this.#brought = outcome;
    if (this.#quick !== undefined && !(outcome instanceof Promise)) this.#quick.resolve(outcome);
  }

  /** Detaches the flight and ends its right to store. An invalidation named the key, or may have. */
  poison(): void {
    this.#isPoisoned = true;
    this.isOpen = false;
  }

  /** True when an invalidation has named the key or one of its tags, or may have. The flight may store nothing. */
  get poisoned(): boolean {
    return this.#isPoisoned || !tagsAreCurrent(this.tags);
  }

  /** True when a reader may join it. */
  get isJoinable(): boolean {
    return this.isOpen && tagsAreCurrent(this.tags);
  }

  /** The number of tags that have been invalidated up to now: a moment for {@link hasEnded}. */
  get endedSoFar(): number {
    return this.#ended.end;
  }

  /**
   * True when one of the tags was invalidated since the flight began. A loader may name tags as late as with its value.
   * A value under an ended tag is not stored, and is not given to callers who joined after the invalidation (protocol,
   * race 66). The states of {@link tags} only tell the present, so with `until` they never count.
   * @param until Only invalidations before this moment count: see {@link endedSoFar}.
   */
  hasEnded(tags: readonly (EntryId | Pick<TagState, 'tag'>)[], until?: number): boolean {
    if (this.#ended.end === this.#endedBefore) return false;
    return tags.some((each) => {
      const tag = typeof each === 'string' ? each : each.tag;
      const own = this.tags.find((state) => state.tag === tag);
      if (own !== undefined) return own.status !== 'current' && until === undefined;
      return this.#ended.has(tag, this.#endedBefore, until);
    });
  }

  /** The first stale value met on the way, for callers whose `softTimeout` is over. Pending until there is one. */
  get candidate(): Promise<R> {
    this.#candidate ??= Promise.withResolvers();
    return this.#candidate.promise;
  }

  /** Offers a stale value and its entry. The first one becomes the {@link candidate}. */
  offer(candidate: R, entry: Entry | undefined): void {
    this.#candidate ??= Promise.withResolvers();
    this.#candidate.resolve(candidate);
    this.#stale = candidate;
    this.#staleEntry = entry;
  }

  /** The last stale value that was offered, and its entry. */
  get offered(): { readonly answer: R | undefined; readonly entry: Entry | undefined } {
    return { answer: this.#stale, entry: this.#staleEntry };
  }

  /** The usable value that a refresh is about to replace, for callers who join it. Pending until there is one. */
  get standIn(): Promise<StandIn<R>> {
    this.#standIn ??= Promise.withResolvers();
    return this.#standIn.promise;
  }

  /** Offers the usable value that is about to be replaced. The first one counts. */
  standInWith(standIn: StandIn<R>): void {
    this.#standIn ??= Promise.withResolvers();
    this.#standIn.resolve(standIn);
  }

  /** Aborted when the last caller has left, or by {@link abort}. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  get isAborted(): boolean {
    return this.#abort?.signal.aborted === true;
  }

  get mayStore(): boolean {
    return !this.superseded && !this.poisoned;
  }

  get hasWaiters(): boolean {
    return this.#waiters > 0;
  }

  /** Adds a waiting caller and its `hardTimeout`. */
  join(hardTimeoutMs: number): void {
    this.#waiters += 1;
    if (hardTimeoutMs > this.hardTimeoutMs) this.hardTimeoutMs = hardTimeoutMs;
    if (this.#sharedLoad !== undefined) this.#sharedLoad.waiters += 1;
  }

  /** Limits the wait for a load of another instance to what a joined caller allows. */
  waitForLeaseUntil(until: number): void {
    if (until < this.leaseWaitUntil) this.leaseWaitUntil = until;
  }

  /** Removes a caller that no longer wants the value. The last one to leave aborts the load. */
  leave(reason: unknown): void {
    if (this.#wasLastToLeave()) this.#abortAll(reason);
  }

  /**
   * Removes a caller whose time is over. The last one to leave aborts the load, unless the load began late. A late load
   * keeps its full time: if callers spend most of theirs waiting for a place, no value would ever be stored otherwise.
   */
  giveUp(reason: unknown): void {
    if (this.#wasLastToLeave() && !this.#isLate) this.#abortAll(reason);
  }

  /** Counts one caller less, and returns true when none is left. */
  #wasLastToLeave(): boolean {
    this.#waiters -= 1;
    if (this.#sharedLoad === undefined) return this.#waiters === 0 && !this.background;
    this.#sharedLoad.waiters -= 1;
    return this.#sharedLoad.waiters === 0 && !this.background;
  }

  #abortAll(reason: unknown): void {
    for (const flight of this.#sharedLoad?.flights ?? [this]) flight.abort(reason);
  }

  /** Makes these flights share one load. While a caller waits for one of them, none is aborted. */
  static loadTogether<R>(flights: readonly Flight<R>[]): void {
    const group = { flights, waiters: flights.reduce((sum, flight) => sum + flight.#waiters, 0) };
    for (const flight of flights) flight.#sharedLoad = group;
  }

  abort(reason: unknown): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(reason);
  }
}

/** Flights that share one load, and the number of callers who wait for them. */
interface SharedLoadGroup<R> {
  readonly flights: readonly Flight<R>[];
  waiters: number;
}
