import type { EntryId } from '../model/key.ts';
import type { TagState } from '../model/tags.ts';
import type { SpanRef } from '../ports/tracer.ts';
import type { Owed } from './pending-invalidations.ts';

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
  readonly owed: Owed;
  readonly background: boolean;
  /** Whether it may load: others join it, and few of a key run at once. A plain read or a `set` is neither waited for. */
  readonly mayLoad: boolean;
}

/** An answer that serves as long as it says so. */
export interface StandIn<R> {
  readonly answer: R;
  serves(): boolean;
}

/**
 * One refill of one key in this process, from before it sends anything until its value is stored or not.
 * Invalidations that pass while it is under way decide what it may still do.
 */
export class Flight<R> {
  readonly id: EntryId;
  readonly beganAt: number;
  readonly seen: SeenAtStart;
  /** Tags known before the load, by reference: a message that ends one of them poisons the flight. */
  readonly tags: readonly TagState[];
  /** What this instance owed to L2 when the flight began. */
  readonly owed: Owed;
  /** Whether nobody waits for it but the refresh that began it. */
  readonly background: boolean;
  readonly mayLoad: boolean;
  /** An invalidation has named the key or one of its tags: nothing that it brings may be stored. */
  poisoned = false;
  /** Another flight of the key ended first: what this one brings may be older than what is stored now. */
  outrun = false;
  /** Whether a reader may join it. */
  isOpen: boolean;
  /** The span to which those who join link. */
  span: SpanRef | undefined;
  // Most flights end without a use for these: made when somebody asks.
  #endedTags: EndedTags | undefined;
  #abort: AbortController | undefined;
  #candidate: PromiseWithResolvers<R> | undefined;
  #standIn: PromiseWithResolvers<StandIn<R>> | undefined;
  #waiters = 0;
  #result: Promise<R> | undefined;
  #resolve: ((outcome: R | Promise<R>) => void) | undefined;
  #brought: R | undefined;
  #company: Company<R> | undefined;

  constructor(id: EntryId, beganAt: number, { seen, tags, owed, background, mayLoad }: FlightSetup) {
    this.id = id;
    this.beganAt = beganAt;
    this.seen = seen;
    this.tags = tags;
    this.owed = owed;
    this.background = background;
    this.mayLoad = mayLoad;
    this.isOpen = mayLoad;
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

  /** Whether somebody has asked for {@link result}. */
  get isAwaited(): boolean {
    return this.#result !== undefined;
  }

  /** Says what it brings, once; or whose outcome is to be its own. */
  bring(outcome: R | Promise<R>): void {
    if (this.#resolve !== undefined) this.#resolve(outcome);
    else if (outcome instanceof Promise) this.#result = outcome;
    else this.#brought = outcome;
  }

  /**
   * Tags that were invalidated since it began, in that order. Any loader may name tags as late as with its value: what
   * carries one of these is not stored, and not handed to those who joined after the invalidation.
   */
  get endedTags(): Pick<EndedTags, 'count' | 'hasAny'> {
    return this.#endedTags ?? NONE_ENDED;
  }

  /** Takes note of tags that were invalidated now. */
  endTags(tags: readonly EntryId[]): void {
    this.#endedTags ??= new EndedTags();
    this.#endedTags.add(tags);
  }

  /** A stale value met on the way, for callers whose `softTimeout` runs out. Stays pending while there is none. */
  get candidate(): Promise<R> {
    this.#candidate ??= Promise.withResolvers();
    return this.#candidate.promise;
  }

  /** A stale value was met; the first one serves. */
  offer(candidate: R): void {
    this.#candidate ??= Promise.withResolvers();
    this.#candidate.resolve(candidate);
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
    return !this.poisoned && !this.outrun;
  }

  get hasWaiters(): boolean {
    return this.#waiters > 0;
  }

  join(): void {
    this.#waiters += 1;
    if (this.#company !== undefined) this.#company.waiters += 1;
  }

  /** A caller has stopped waiting before the end; the last one to go takes the load with it. */
  leave(reason: unknown): void {
    this.#waiters -= 1;
    if (this.#company !== undefined) this.#company.waiters -= 1;
    const { waiters, flights } = this.#company ?? { waiters: this.#waiters, flights: [this] };
    if (waiters === 0 && !this.background) for (const flight of flights) flight.abort(reason);
  }

  /** From now on one load is for all of these: while somebody waits for one of them, none is given up. */
  static loadTogether<R>(flights: readonly Flight<R>[]): void {
    const company = { flights, waiters: flights.reduce((sum, flight) => sum + flight.#waiters, 0) };
    for (const flight of flights) flight.#company = company;
  }

  abort(reason: unknown): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(reason);
  }
}

/** Flights that share one load, and how many callers wait for them. */
interface Company<R> {
  readonly flights: readonly Flight<R>[];
  waiters: number;
}

/** Beyond this many, all tags count as ended: a flight that long is better repeated than remembered. */
const MAX_ENDED_TAGS = 1_000;

/** The tags that were invalidated while a flight was under way, in that order. */
export class EndedTags {
  #names: EntryId[] = [];
  #isOverfull = false;

  /** How many there are by now; a moment to compare with. */
  get count(): number {
    return this.#names.length;
  }

  add(tags: readonly EntryId[]): void {
    if (this.#names.length + tags.length > MAX_ENDED_TAGS) this.#isOverfull = true;
    else this.#names.push(...tags);
  }

  /** Whether one of the tags is among those that had ended at that moment; now, by default. */
  hasAny(tags: readonly (EntryId | Pick<TagState, 'tag'>)[], count = this.#names.length): boolean {
    if (this.#isOverfull) return true;
    if (count === 0) return false;
    const ended = new Set(this.#names.slice(0, count));
    return tags.some((tag) => ended.has(typeof tag === 'string' ? tag : tag.tag));
  }
}

/** For flights that have seen no invalidation. */
const NONE_ENDED = new EndedTags();
