import type { EntryId } from '../model/key.ts';
import { attempt } from '../primitives/attempt.ts';
import type { Clock } from '../primitives/clock.ts';
import { ignore } from '../primitives/quietly.ts';
import { EndedTags } from './ended-tags.ts';
import { Flight, type FlightSetup } from './flight.ts';

/** The most loads of one key that run at once in this process. A further reader waits for one to end. */
const MAX_LOADS_PER_KEY = 2;

/** The register of all flights of this process. Readers join flights here, and invalidations poison them here. */
export class Flights<R> {
  readonly #clock: Clock;
  /** The flights of each key, in the order in which they began. */
  readonly #all = new Map<EntryId, Flight<R>[]>();
  readonly #ended = new EndedTags();
  #size = 0;
  #idle: PromiseWithResolvers<void> | undefined;
  /** Set by {@link abortAll}: a flight that begins later is aborted from the start. */
  #aborted: { readonly reason: unknown } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of flights under way. */
  get size(): number {
    return this.#size;
  }

  /** The number of flights of this key under way. */
  countOf(id: EntryId): number {
    return this.#all.get(id)?.length ?? 0;
  }

  /** Returns the flight of this key that a reader may join. It must have begun at `notBefore` or later. */
  joinable(id: EntryId, notBefore: number): Flight<R> | undefined {
    const flight = this.#all.get(id)?.findLast(isJoinable);
    return flight !== undefined && flight.beganAt >= notBefore && !flight.isAborted ? flight : undefined;
  }

  /** True when another flight of this key may begin to load now. */
  hasRoom(id: EntryId): boolean {
    const flights = this.#all.get(id);
    return flights === undefined || flights.length < MAX_LOADS_PER_KEY || this.loading(id).length < MAX_LOADS_PER_KEY;
  }

  /** Resolves when one of the key's loads has ended in any way, and at once when there is none. */
  async untilOneEnds(id: EntryId): Promise<void> {
    const flights = this.loading(id);
    if (flights.length > 0) await Promise.race(flights.map((flight) => flight.result.then(ignore, ignore)));
  }

  /** Returns the `set` of this key that is under way. */
  writeOf(id: EntryId): Flight<R> | undefined {
    return this.#all.get(id)?.find(isWrite);
  }

  /** Registers a flight before `run` sends anything. The flight ends when `run` has settled or thrown. */
  begin(id: EntryId, setup: FlightSetup, run: (flight: Flight<R>) => Promise<R>): Flight<R> {
    const flight = this.open(id, setup);
    this.follow(
      flight,
      attempt(() => run(flight)),
    );
    return flight;
  }

  /** Registers a flight before anything is sent for it. The caller removes it by {@link settle} or {@link follow}. */
  open(id: EntryId, setup: FlightSetup): Flight<R> {
    const flight = new Flight<R>(id, setup.beganAt ?? this.#clock.now(), setup, this.#ended);
    const siblings = this.#all.get(id);
    if (siblings === undefined) this.#all.set(id, [flight]);
    else {
      // A load that begins during a `set` may have read the source before the `set` did its work, so it may not store
      // (race 36).
      if (!flight.isWrite && siblings.some(isWrite)) flight.superseded = true;
      siblings.push(flight);
    }
    this.#size += 1;
    if (this.#aborted !== undefined) flight.abort(this.#aborted.reason);
    return flight;
  }

  /** Ends the flight with this answer. */
  settle(flight: Flight<R>, answer: R): void {
    this.end(flight);
    flight.bring(answer);
  }

  /** Ends the flight as this promise ends. */
  follow(flight: Flight<R>, outcome: Promise<R>): void {
    flight.bring(outcome);
    // Runs before any waiter learns the outcome. It also handles a rejection when all waiters have left.
    const end = (): void => {
      this.end(flight);
      flight.endQuick();
    };
    outcome.then(end, end);
  }

  /**
   * Poisons and detaches the flights of these keys, and those whose key `matches` accepts. Ended tags go into the log.
   * Flights hold the states of their tags, which the caller has ended before, so this searches no flight by tag.
   */
  poison(ids: Iterable<EntryId>, tags: readonly EntryId[], matches?: (id: EntryId) => boolean): void {
    for (const id of ids) this.#poisonOf(this.#all.get(id));
    this.#ended.add(tags);
    if (matches !== undefined) for (const [id, flights] of this.#all) if (matches(id)) this.#poisonOf(flights);
  }

  /** Poisons and detaches every flight, because messages may have been lost. */
  poisonAll(): void {
    for (const flights of this.#all.values()) this.#poisonOf(flights);
  }

  /**
   * Ends the right of the other flights of a key to store, because this one ends with a value. Their values may be older
   * (protocol, race 34). Callers who arrive later do not join them.
   */
  supersedeOthers(flight: Flight<R>): void {
    for (const other of this.#all.get(flight.id) ?? []) {
      if (other === flight) continue;
      other.superseded = true;
      other.isOpen = false;
    }
  }

  /** Resolves when no flight is under way, also none that began meanwhile. */
  async drain(): Promise<void> {
    while (this.#size > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  /** Aborts every load, and those that begin later. */
  abortAll(reason: unknown): void {
    this.#aborted = { reason };
    for (const flights of this.#all.values()) for (const flight of flights) flight.abort(reason);
  }

  /** The flights of this key that load or may load. */
  loading(id: EntryId): Flight<R>[] {
    return (this.#all.get(id) ?? []).filter(({ mayLoad }) => mayLoad);
  }

  #poisonOf(flights: readonly Flight<R>[] = []): void {
    for (const flight of flights) flight.poison();
  }

  /** Removes a flight from the register without giving an answer. */
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
