import type { Clock } from './clock.ts';
import { EndedTags } from './ended-tags.ts';
import type { EntryId } from './key.ts';
import type { Owed } from './pending.ts';
import type { TagState } from './tags.ts';
import type { SpanRef } from './tracer.ts';

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

/** For flights that have seen no invalidation. */
const NONE_ENDED = new EndedTags();

/** More than this many loads of one key never run at once here; a further reader waits for one to end. */
const MAX_LOADS_PER_KEY = 2;

/** All refills of this process: single-flight, and the place where invalidations meet loads. */
export class Flights<R> {
  readonly #clock: Clock;
  /** Of each key, in the order in which they began. */
  readonly #all = new Map<EntryId, Flight<R>[]>();
  #size = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  /** Set once {@link abortAll} was called: whoever comes late is aborted from the start. */
  #aborted: { readonly reason: unknown } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Flights under way. */
  get size(): number {
    return this.#size;
  }

  /** How many flights of this key are under way. */
  countOf(id: EntryId): number {
    return this.#all.get(id)?.length ?? 0;
  }

  /** The flight of this key that a reader may join, if it began no earlier than `notBefore`. */
  joinable(id: EntryId, notBefore: number): Flight<R> | undefined {
    const flight = this.#all.get(id)?.findLast(isOpen);
    return flight !== undefined && flight.beganAt >= notBefore && !flight.isAborted ? flight : undefined;
  }

  /** Whether another flight of this key may begin to load now. */
  hasRoom(id: EntryId): boolean {
    const flights = this.#all.get(id);
    return flights === undefined || flights.length < MAX_LOADS_PER_KEY || this.#loading(id).length < MAX_LOADS_PER_KEY;
  }

  /** Resolves when one of the key's loads has ended, however it ended; at once when there is none. */
  async untilOneEnds(id: EntryId): Promise<void> {
    const flights = this.#loading(id);
    if (flights.length > 0) await Promise.race(flights.map((flight) => flight.result.then(ignore, ignore)));
  }

  /** Registers a flight before its `run` sends anything. It leaves the register when `run` has settled. */
  begin(id: EntryId, setup: FlightSetup, run: (flight: Flight<R>) => Promise<R>): Flight<R> {
    const flight = this.open(id, setup);
    this.follow(flight, run(flight));
    return flight;
  }

  /** Registers a flight before anything is sent for it. {@link settle} or {@link follow} takes it out again. */
  open(id: EntryId, setup: FlightSetup): Flight<R> {
    const flight = new Flight<R>(id, setup.beganAt ?? this.#clock.now(), setup);
    const siblings = this.#all.get(id);
    if (siblings === undefined) this.#all.set(id, [flight]);
    else siblings.push(flight);
    this.#size += 1;
    if (this.#aborted !== undefined) flight.abort(this.#aborted.reason);
    return flight;
  }

  /** The flight ends with this answer. */
  settle(flight: Flight<R>, answer: R): void {
    this.end(flight);
    flight.bring(answer);
  }

  /** The flight ends as this does. */
  follow(flight: Flight<R>, outcome: Promise<R>): void {
    flight.bring(outcome);
    // Before any waiter hears of it; and there is somebody to hear of an error also when all waiters have left.
    const end = (): void => this.end(flight);
    outcome.then(end, end);
  }

  /** An invalidation names these keys, these tags, or what `matches` says: poison and detach. */
  poison(ids: Iterable<EntryId>, tags: readonly EntryId[], matches?: (id: EntryId) => boolean): void {
    for (const id of ids) for (const flight of this.#all.get(id) ?? []) this.#poison(flight);
    if (tags.length === 0 && matches === undefined) return;
    const named = new Set(tags);
    for (const [id, flights] of this.#all) {
      for (const flight of flights) {
        flight.endTags(tags);
        if (matches?.(id) || flight.tags.some(({ tag }) => named.has(tag))) this.#poison(flight);
      }
    }
  }

  /** Messages may have been lost: no flight may store or be joined. */
  poisonAll(): void {
    for (const flights of this.#all.values()) for (const flight of flights) this.#poison(flight);
  }

  /**
   * When a flight of a key ends with a value, what the others bring may be older: they lose the right to store, and
   * whoever comes now must not wait for them.
   */
  outrunOthers(flight: Flight<R>): void {
    for (const other of this.#all.get(flight.id) ?? []) {
      if (other === flight) continue;
      other.outrun = true;
      other.isOpen = false;
    }
  }

  /** Resolves when no flight is under way, those included that begin meanwhile. */
  async drain(): Promise<void> {
    while (this.#size > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  /** Aborts every load, those included that have not begun yet. */
  abortAll(reason: unknown): void {
    this.#aborted = { reason };
    for (const flights of this.#all.values()) for (const flight of flights) flight.abort(reason);
  }

  #loading(id: EntryId): Flight<R>[] {
    return (this.#all.get(id) ?? []).filter(({ mayLoad }) => mayLoad);
  }

  #poison(flight: Flight<R>): void {
    flight.poisoned = true;
    flight.isOpen = false;
  }

  /** Takes a flight out of the register for whose answer nobody waits. */
  end(flight: Flight<R>): void {
    this.#size -= 1;
    const siblings = this.#all.get(flight.id);
    if (siblings === undefined || siblings.length === 1) this.#all.delete(flight.id);
    else siblings.splice(siblings.indexOf(flight), 1);
    if (this.#size > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

function isOpen<R>(flight: Flight<R>): boolean {
  return flight.isOpen;
}

function ignore(): void {}
