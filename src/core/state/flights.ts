import type { EntryId } from '../model/key.ts';
import { attempt } from '../primitives/attempt.ts';
import type { Clock } from '../primitives/clock.ts';
import { ignore } from '../primitives/quietly.ts';
import { EndedTags } from './ended-tags.ts';
import { Flight, type FlightSetup } from './flight.ts';

/** More than this many loads of one key never run at once here; a further reader waits for one to end. */
const MAX_LOADS_PER_KEY = 2;

/** All refills of this process: single-flight, and the place where invalidations meet loads. */
export class Flights<R> {
  readonly #clock: Clock;
  /** Of each key, in the order in which they began. */
  readonly #all = new Map<EntryId, Flight<R>[]>();
  readonly #ended = new EndedTags();
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
    const flight = this.#all.get(id)?.findLast(isJoinable);
    return flight !== undefined && flight.beganAt >= notBefore && !flight.isAborted ? flight : undefined;
  }

  /** Whether another flight of this key may begin to load now. */
  hasRoom(id: EntryId): boolean {
    const flights = this.#all.get(id);
    return flights === undefined || flights.length < MAX_LOADS_PER_KEY || this.loading(id).length < MAX_LOADS_PER_KEY;
  }

  /** Resolves when one of the key's loads has ended, however it ended; at once when there is none. */
  async untilOneEnds(id: EntryId): Promise<void> {
    const flights = this.loading(id);
    if (flights.length > 0) await Promise.race(flights.map((flight) => flight.result.then(ignore, ignore)));
  }

  /** A `set` of this key that is under way. */
  writeOf(id: EntryId): Flight<R> | undefined {
    return this.#all.get(id)?.find(isWrite);
  }

  /** Registers a flight before its `run` sends anything. It leaves the register when `run` has settled, or has thrown. */
  begin(id: EntryId, setup: FlightSetup, run: (flight: Flight<R>) => Promise<R>): Flight<R> {
    const flight = this.open(id, setup);
    this.follow(
      flight,
      attempt(() => run(flight)),
    );
    return flight;
  }

  /** Registers a flight before anything is sent for it. {@link settle} or {@link follow} takes it out again. */
  open(id: EntryId, setup: FlightSetup): Flight<R> {
    const flight = new Flight<R>(id, setup.beganAt ?? this.#clock.now(), setup, this.#ended);
    const siblings = this.#all.get(id);
    if (siblings === undefined) this.#all.set(id, [flight]);
    else {
      // A `set` under way decides what is stored. A load that begins now may have read the source before it (race 36).
      if (!flight.isWrite && siblings.some(isWrite)) flight.superseded = true;
      siblings.push(flight);
    }
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
    const end = (): void => {
      this.end(flight);
      flight.endQuick();
    };
    outcome.then(end, end);
  }

  /**
   * An invalidation names these keys, these tags, or what `matches` says: poison and detach. The states of the tags have
   * ended by now, and flights hold these, so no flight is looked for by its tags.
   */
  poison(ids: Iterable<EntryId>, tags: readonly EntryId[], matches?: (id: EntryId) => boolean): void {
    for (const id of ids) this.#poisonOf(this.#all.get(id));
    this.#ended.add(tags);
    if (matches !== undefined) for (const [id, flights] of this.#all) if (matches(id)) this.#poisonOf(flights);
  }

  /** Messages may have been lost: no flight may store or be joined. */
  poisonAll(): void {
    for (const flights of this.#all.values()) this.#poisonOf(flights);
  }

  /**
   * When a flight of a key ends with a value, what the others bring may be older: they lose the right to store, and
   * whoever comes now must not wait for them.
   */
  supersedeOthers(flight: Flight<R>): void {
    for (const other of this.#all.get(flight.id) ?? []) {
      if (other === flight) continue;
      other.superseded = true;
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

  /** The flights of this key that load, or may come to it. */
  loading(id: EntryId): Flight<R>[] {
    return (this.#all.get(id) ?? []).filter(({ mayLoad }) => mayLoad);
  }

  #poisonOf(flights: readonly Flight<R>[] = []): void {
    for (const flight of flights) flight.poison();
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

function isJoinable<R>(flight: Flight<R>): boolean {
  return flight.isJoinable;
}

function isWrite<R>(flight: Flight<R>): boolean {
  return flight.isWrite;
}
