import { type EntryId, fromId } from '../model/key.ts';
import { asyncStorage } from '../primitives/async-context.ts';

/** A place among `maxLoads`. A load that has one may lend it to a load that it waits for. */
export interface LoadPlace {
  /** The limit that gave the place. Each cache has its own. */
  readonly limit: object;
}

/** A flight, as seen by the loads that wait for it. */
export interface AwaitedFlight {
  readonly id: EntryId;
  /** Its load, while the loader runs. */
  readonly load: RunningLoad | undefined;
  readonly dependents: Dependents;
}

/**
 * The load whose loader runs the calling code. All caches of the process share it, so that rings across caches are
 * found.
 */
const running = asyncStorage<RunningLoad>();

/** The number of running loads. */
let count = 0;

/**
 * One call of a loader, for one key or for many. The loader's asynchronous context holds it, so that a cache recognizes
 * a nested call of the loader. It drops all references at its end, because resources that the loader opened may keep
 * the context for ever.
 */
export class RunningLoad {
  readonly place: LoadPlace | undefined;
  /** True while a load that it waits for runs in its place. */
  isLending = false;
  #isOver = false;
  #flights: readonly AwaitedFlight[];
  readonly #waits = new Set<NestedWait>();

  /** @param flights The flights that the load serves. */
  constructor(flights: readonly AwaitedFlight[], place: LoadPlace | undefined) {
    this.#flights = flights;
    this.place = place;
    count += 1;
  }

  /** The load that makes the present call. `undefined` outside of loaders, and on platforms without async contexts. */
  static get current(): RunningLoad | undefined {
    const load = running?.getStore();
    return load === undefined || load.#isOver ? undefined : load;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Calls the loader in the context of this load. */
  run<T>(loader: () => T): T {
    return running === undefined ? loader() : running.run(this, loader);
  }

  /**
   * Registers the wait of a nested call, until one of these flights has ended. A call counts as waiting while it is
   * pending, also when the loader does not await it.
   */
  waitFor(flights: readonly AwaitedFlight[]): NestedWait {
    return new NestedWait(this, flights, this.#waits);
  }

  /** The loads that wait for this one. */
  *dependents(): Iterable<RunningLoad> {
    for (const { dependents } of this.#flights) yield* dependents.loads();
  }

  end(): void {
    this.#isOver = true;
    count -= 1;
    // On Node 22 and earlier, each promise of the process costs more while a storage is in use.
    if (count === 0) running?.disable();
    this.#flights = [];
    for (const wait of this.#waits) wait.end();
  }

  /** Returns the flights by which this load waits for another one, or for itself. `undefined` when it does not. */
  wayTo(load: RunningLoad, known: KnownWays): Way | undefined {
    if (this === load) return [];
    if (known.has(this)) return known.get(this);
    known.set(this, undefined);
    for (const { flights } of this.#waits) {
      const way = wayBy(flights, load, known);
      if (way === undefined) continue;
      known.set(this, way);
      return way;
    }
    return undefined;
  }
}

/** A chain of flights: the loader of each waits for the next. */
type Way = readonly AwaitedFlight[];

/** The loads that one search has visited, with the way found from each. */
type KnownWays = Map<RunningLoad, Way | undefined>;

/** Finds the way of one wait. A wait ends with the first of its flights, so each of them must lead to the load. */
function wayBy(flights: readonly AwaitedFlight[], load: RunningLoad, known: KnownWays): Way | undefined {
  let first: Way | undefined;
  for (const flight of flights) {
    const way = flight.load?.wayTo(load, known);
    if (way === undefined) return undefined;
    first ??= [flight, ...way];
  }
  return first;
}

/** The wait of a loader for flights. */
export class NestedWait {
  readonly flights: readonly AwaitedFlight[];
  /** The keys of the ring that this wait would close. `undefined` when the load does not wait for itself. */
  readonly ring: readonly string[] | undefined;
  readonly #load: RunningLoad;
  readonly #siblings: Set<NestedWait>;

  constructor(load: RunningLoad, flights: readonly AwaitedFlight[], siblings: Set<NestedWait>) {
    this.flights = flights;
    this.#load = load;
    this.#siblings = siblings;
    this.ring = wayBy(flights, load, new Map())?.map(({ id }) => fromId(id).key);
    if (this.ring !== undefined) return;
    siblings.add(this);
    for (const { dependents } of flights) dependents.add(load);
  }

  end(): void {
    if (!this.#siblings.delete(this)) return;
    for (const { dependents } of this.flights) dependents.remove(this.#load);
  }
}

/** The running loads that wait for a flight. */
export class Dependents {
  /** The number of waiting calls of each load. */
  readonly #counts = new Map<RunningLoad, number>();
  readonly #listeners = new Set<() => void>();

  loads(): Iterable<RunningLoad> {
    return this.#counts.keys();
  }

  /** Calls `run` each time that another load is added. Returns a function that ends this. */
  watch(run: () => void): () => void {
    this.#listeners.add(run);
    return () => void this.#listeners.delete(run);
  }

  add(load: RunningLoad): void {
    this.#counts.set(load, (this.#counts.get(load) ?? 0) + 1);
    for (const run of this.#listeners) run();
  }

  remove(load: RunningLoad): void {
    const count = (this.#counts.get(load) ?? 0) - 1;
    if (count > 0) this.#counts.set(load, count);
    else this.#counts.delete(load);
  }
}
