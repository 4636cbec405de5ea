import type { GroupCounters } from '../model/counters.ts';
import type { EntryId } from '../model/key.ts';
import { callSource } from '../refill/load.ts';
import type { CacheContext } from '../state/context.ts';
import { Flight } from '../state/flight.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Loaded } from '../tiers/loader.ts';
import { type ManyLoader, runManyLoader } from '../tiers/many-loader.ts';

/** A flight whose key has to be loaded. */
interface Arrival {
  readonly request: ReadRequest;
  readonly flight: Flight<RefillResult>;
  readonly stale: { readonly value: unknown } | undefined;
  readonly loaded: PromiseWithResolvers<Loaded>;
}

/**
 * Loads the keys of one call together. The load begins as soon as each key has been decided: it needs a load or not. A
 * key whose lease another instance holds delays no other key. If it needs a load later, the loader is called again for
 * it.
 */
export class SharedLoads {
  readonly #context: CacheContext;
  readonly #loader: ManyLoader<unknown>;
  readonly #onKnown: () => void;
  /** The keys that are not decided yet. */
  readonly #unknown: Set<EntryId>;
  #next: SharedLoad | undefined;

  /**
   * @param ids The keys that take part.
   * @param onKnown Called each time that all keys are decided.
   */
  constructor(context: CacheContext, loader: ManyLoader<unknown>, ids: Iterable<EntryId>, onKnown: () => void) {
    this.#context = context;
    this.#loader = loader;
    this.#unknown = new Set(ids);
    this.#onKnown = onKnown;
  }

  /** Takes a key out of the decision, because it needs no load or waits for an unknown time. */
  release(id: EntryId): void {
    this.#unknown.delete(id);
    this.#check();
  }

  load(request: ReadRequest, flight: Flight<RefillResult>, stale: Arrival['stale']): Promise<Loaded> {
    this.#next ??= new SharedLoad(this.#context, this.#loader);
    const loaded = this.#next.add({ request, flight, stale, loaded: Promise.withResolvers() });
    this.release(request.id);
    return loaded;
  }

  #check(): void {
    if (this.#unknown.size > 0) return;
    const load = this.#next;
    this.#next = undefined;
    load?.begin();
    this.#onKnown();
  }
}

/**
 * One call of the loader. A key without callers leaves the call before it begins. Once it has begun, all keys stay
 * while one has a caller. The call loads them in any case, so they are stored, and a caller that returns joins the
 * load.
 */
class SharedLoad {
  readonly #context: CacheContext;
  readonly #loader: ManyLoader<unknown>;
  readonly #present = new Set<Arrival>();
  readonly #abort = new AbortController();
  #hasBegun = false;

  constructor(context: CacheContext, loader: ManyLoader<unknown>) {
    this.#context = context;
    this.#loader = loader;
  }

  async add(arrival: Arrival): Promise<Loaded> {
    const { signal } = arrival.flight;
    signal.throwIfAborted();
    const leave = (): void => {
      this.#present.delete(arrival);
      arrival.loaded.reject(signal.reason);
      if (this.#hasBegun && this.#present.size === 0) this.#abort.abort(signal.reason);
    };
    this.#present.add(arrival);
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await arrival.loaded.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  begin(): void {
    this.#hasBegun = true;
    const arrivals = [...this.#present];
    const [first] = arrivals;
    if (first === undefined) return;
    Flight.loadTogether(arrivals.map(({ flight }) => flight));
    this.#call(first, arrivals).then(
      (loadedOf) => {
        for (const { request, loaded } of arrivals) loaded.resolve(loadedOf(request.key));
      },
      (error: unknown) => {
        for (const { loaded } of arrivals) loaded.reject(error);
      },
    );
  }

  /** Calls the loader. All keys of a call have the same options. */
  #call({ request, flight }: Arrival, arrivals: readonly Arrival[]): Promise<(key: string) => Loaded> {
    const { namespace, options } = request;
    const { tenant = namespace } = options;
    const counters: GroupCounters = request.counters;
    const { signal } = this.#abort;
    const keys = arrivals.map(({ request: { key } }) => key);
    const stale = new Map<string, unknown>();
    for (const {
      request: { key },
      stale: old,
    } of arrivals)
      if (old !== undefined) stale.set(key, this.#context.codec.copyOf(old.value));
    const { background } = flight;
    const flights = arrivals.map((arrival) => arrival.flight);
    const call = { key: request.key, tenant, flights, signal, background, counters };
    return callSource(this.#context, call, (patience, within) => {
      const nesting: ManyLoader<unknown> = (context) => within(() => this.#loader(context));
      return runManyLoader(this.#context.clock, nesting, { keys, stale, patience, signal });
    });
  }
}
