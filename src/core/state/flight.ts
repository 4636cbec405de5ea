import { type Entry, tagsAreCurrent } from '../model/entry.ts';
import type { LoadTimeoutError } from '../model/errors.ts';
import type { EntryId } from '../model/key.ts';
import type { TagState } from '../model/tags.ts';
import type { SpanRef } from '../ports/tracer.ts';
import { type AwaitedFlight, Dependents, type RunningLoad } from '../tiers/running-load.ts';
import { longestAnswerMs } from '../tiers/traffic.ts';
import type { EndedTags } from './ended-tags.ts';
import type { Undelivered } from './pending-invalidations.ts';

/** What a flight knew of the bus when it began. */
export interface SeenAtStart {
  readonly epoch: string | undefined;
  readonly sequence: number;
}

/** What a flight starts from; taken in the same step in which it is registered. */
export interface FlightSetup {
  readonly seen: SeenAtStart;
  /** Tags that are known before the load. */
  readonly tags: readonly TagState[];
  /** Default now. */
  readonly beganAt?: number | undefined;
  readonly undelivered: Undelivered;
  readonly background: boolean;
  /** Whether it may load: others join it, and few of a key run at once. A plain read or a `set` is not joined. */
  readonly mayLoad: boolean;
  /** Of the first caller, as are {@link l2TimeoutMs} and {@link leaseWaitMs}. */
  readonly hardTimeoutMs: number;
  readonly l2TimeoutMs: number;
  readonly leaseWaitMs: number;
  /** Whether it is a `set`: readers of the key wait for it, and what others load meanwhile is not stored. */
  readonly isWrite: boolean;
}

/**
 * How far a flight has come.
 * 1. `first-question`: it asks L2, for no longer than its `l2Timeout`. Most flights end here, with a hit.
 * 2. `further-questions`: it asks L2 again, or waits for a load elsewhere in the fleet.
 * 3. `queue`: its load waits for a place among `maxLoads`.
 * 4. `load`: the loader runs, or what it brought is being stored.
 */
export type FlightStage = 'first-question' | 'further-questions' | 'queue' | 'load';

/** An answer that serves as long as it says so. */
export interface StandIn<R> {
  readonly answer: R;
  serves(): boolean;
}

/**
 * One refill of one key in this process, from before it sends anything until its value is stored or not.
 * Invalidations that pass while it is under way decide what it may still do.
 */
export class Flight<R> implements AwaitedFlight {
  readonly id: EntryId;
  readonly beganAt: number;
  readonly seen: SeenAtStart;
  /** Tags known before the load, by reference: an invalidation ends their states, and looks for no flight. */
  readonly tags: readonly TagState[];
  /** What this instance owed to L2 when the flight began. */
  readonly undelivered: Undelivered;
  /** Whether nobody waits for it but the refresh that began it. */
  readonly background: boolean;
  readonly mayLoad: boolean;
  /** Whether it is a `set` under way. */
  readonly isWrite: boolean;
  /** Another flight of the key ended first, or is a `set`: what this one brings may be older than what is stored. */
  superseded = false;
  /** Whether a reader may join it, as far as its tags allow that: see {@link isJoinable}. */
  isOpen: boolean;
  /** The largest `hardTimeout` of the callers who have joined, in milliseconds. */
  hardTimeoutMs: number;
  /** Until when it may wait for a load of another instance: the least that one of its callers allows. */
  leaseWaitUntil: number;
  /** Until when the first question to L2 is answered, however that ends. */
  readonly firstAnswerAt: number;
  /** The span to which those who join link. */
  span: SpanRef | undefined;
  /** Its load, while the loader runs. */
  load: RunningLoad | undefined;
  #isPoisoned = false;
  readonly #ended: EndedTags;
  /** Where the log of ended tags stood when the flight began. */
  readonly #endedBefore: number;
  // Most flights end without a use for these: made when somebody asks.
  #abort: AbortController | undefined;
  #stage: FlightStage = 'first-question';
  readonly #lateFrom: number;
  /** Whether the load had to wait for longer than the first question takes where nothing lies before it. */
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

  /** What it brings. The reader who began it may do without, so it is made when somebody asks. */
  get result(): Promise<R> {
    if (this.#result === undefined) {
      const { promise, resolve } = Promise.withResolvers<R>();
      this.#result = promise;
      this.#resolve = resolve;
      if (this.#brought !== undefined) resolve(this.#brought);
    }
    return this.#result;
  }

  /** Whether a caller has asked for {@link result} or {@link quick}. */
  get isAwaited(): boolean {
    return this.#result !== undefined || this.#quick !== undefined;
  }

  /** How far it has come. */
  get stage(): FlightStage {
    return this.#stage;
  }

  /**
   * What the first question to L2 brings; `undefined` when it takes more than that. The callers who join a flight that ends
   * with a hit share this one promise, and none of them needs a timer: the question has a limit of its own.
   */
  get quick(): Promise<R | undefined> {
    if (this.#quick === undefined) {
      this.#quick = Promise.withResolvers();
      if (this.#brought !== undefined || this.#stage !== 'first-question') this.#quick.resolve(this.#brought);
    }
    return this.#quick.promise;
  }

  /** The flight has ended, as {@link result} says: who waits for {@link quick} is sent there. */
  endQuick(): void {
    this.#quick?.resolve(undefined);
  }

  /** Calls `run` when the flight takes more than its first question. */
  onGoOn(run: () => void): void {
    if (this.#onGoOn === undefined) this.#onGoOn = [run];
    else this.#onGoOn.push(run);
  }

  /** Its loader is called now. */
  beginLoad(load: RunningLoad, now: number): void {
    this.load = load;
    this.#isLate = now > this.#lateFrom;
    this.goOn('load');
  }

  /** It has come to this stage. From the second on, callers watch their own time. */
  goOn(stage: FlightStage): void {
    const wasQuick = this.#stage === 'first-question';
    this.#stage = stage;
    if (!wasQuick) return;
    this.#quick?.resolve(undefined);
    for (const run of this.#onGoOn ?? []) run();
    this.#onGoOn = undefined;
  }

  /** The loads whose loaders wait for it. */
  get dependents(): Dependents {
    this.#dependents ??= new Dependents();
    return this.#dependents;
  }

  /** Its load was aborted because the largest `hardTimeout` of its callers, counted from the load's start, is over. */
  timedOut(error: LoadTimeoutError): void {
    this.#timeout = error;
  }

  /** Whether the flight ends with this error because of {@link timedOut}, and not because a loader threw the like. */
  endsByTimeout(error: unknown): boolean {
    return this.#timeout !== undefined && this.#timeout === error;
  }

  /** Says what it brings, once; or whose outcome is to be its own. */
  bring(outcome: R | Promise<R>): void {
    if (this.#resolve !== undefined) this.#resolve(outcome);
    else if (outcome instanceof Promise) this.#result = outcome;
    else this.#brought = outcome;
    if (this.#quick !== undefined && !(outcome instanceof Promise)) this.#quick.resolve(outcome);
  }

  /** An invalidation has named the key, or messages may have been lost. */
  poison(): void {
    this.#isPoisoned = true;
    this.isOpen = false;
  }

  /** An invalidation has named the key or one of its tags: nothing that it brings may be stored. */
  get poisoned(): boolean {
    return this.#isPoisoned || !tagsAreCurrent(this.tags);
  }

  /** Whether a reader may join it. */
  get isJoinable(): boolean {
    return this.isOpen && tagsAreCurrent(this.tags);
  }

  /** How many tags have been invalidated up to now: a moment for {@link hasEnded}. */
  get endedSoFar(): number {
    return this.#ended.end;
  }

  /**
   * Whether one of the tags was invalidated since the flight began. Any loader may name tags as late as with its value: what
   * carries one of these is not stored, and not handed to those who joined after the invalidation. Of {@link tags}, whose
   * states tell it, only what is true now is known.
   * @param until Only what had been invalidated at this moment counts: see {@link endedSoFar}.
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

  /** A stale value met on the way, for callers whose `softTimeout` runs out. Stays pending while there is none. */
  get candidate(): Promise<R> {
    this.#candidate ??= Promise.withResolvers();
    return this.#candidate.promise;
  }

  /** A stale value was met, of this entry; the first one is the {@link candidate}. */
  offer(candidate: R, entry: Entry | undefined): void {
    this.#candidate ??= Promise.withResolvers();
    this.#candidate.resolve(candidate);
    this.#stale = candidate;
    this.#staleEntry = entry;
  }

  /** The stale value that was met last, and its entry. */
  get offered(): { readonly answer: R | undefined; readonly entry: Entry | undefined } {
    return { answer: this.#stale, entry: this.#staleEntry };
  }

  /** For those who join a refresh: the usable value that it is about to replace. Stays pending while there is none. */
  get standIn(): Promise<StandIn<R>> {
    this.#standIn ??= Promise.withResolvers();
    return this.#standIn.promise;
  }

  /** A usable value was met that is to be replaced; the first one serves. */
  standInWith(standIn: StandIn<R>): void {
    this.#standIn ??= Promise.withResolvers();
    this.#standIn.resolve(standIn);
  }

  /** Aborted when nobody waits any more, or on {@link abort}. */
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

  /** A caller waits for it from now on, and gives it so long. */
  join(hardTimeoutMs: number): void {
    this.#waiters += 1;
    if (hardTimeoutMs > this.hardTimeoutMs) this.hardTimeoutMs = hardTimeoutMs;
    if (this.#sharedLoad !== undefined) this.#sharedLoad.waiters += 1;
  }

  /** A caller that has joined does not wait for a load of another instance any longer than until then. */
  waitForLeaseUntil(until: number): void {
    if (until < this.leaseWaitUntil) this.leaseWaitUntil = until;
  }

  /** A caller does not want the value any more; the last one to go takes the load with it. */
  leave(reason: unknown): void {
    if (this.#leavesNobody()) this.#abortAll(reason);
  }

  /**
   * A caller's time is over; the last one to go takes the load with it. A load that began late keeps the time that it was
   * given: where all callers spend most of theirs waiting for a place, no value would ever reach the tiers.
   */
  giveUp(reason: unknown): void {
    if (this.#leavesNobody() && !this.#isLate) this.#abortAll(reason);
  }

  /** Counts one caller less. */
  #leavesNobody(): boolean {
    this.#waiters -= 1;
    if (this.#sharedLoad === undefined) return this.#waiters === 0 && !this.background;
    this.#sharedLoad.waiters -= 1;
    return this.#sharedLoad.waiters === 0 && !this.background;
  }

  #abortAll(reason: unknown): void {
    for (const flight of this.#sharedLoad?.flights ?? [this]) flight.abort(reason);
  }

  /** From now on one load is for all of these: while somebody waits for one of them, none is given up. */
  static loadTogether<R>(flights: readonly Flight<R>[]): void {
    const company = { flights, waiters: flights.reduce((sum, flight) => sum + flight.#waiters, 0) };
    for (const flight of flights) flight.#sharedLoad = company;
  }

  abort(reason: unknown): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(reason);
  }
}

/** Flights that share one load, and how many callers wait for them. */
interface SharedLoadGroup<R> {
  readonly flights: readonly Flight<R>[];
  waiters: number;
}
