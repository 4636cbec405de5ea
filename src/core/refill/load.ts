import type { GroupCounters } from '../model/counters.ts';
import type { Entry } from '../model/entry.ts';
import { isRefusal, LoadTimeoutError } from '../model/errors.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { LoadOrder } from '../tiers/load-limit.ts';
import { type Loaded, type LoadPatience, runLoader } from '../tiers/loader.ts';
import { type LoadPlace, RunningLoad } from '../tiers/running-load.ts';
import { keepLeaseAlive, type Lease } from './lease.ts';

/** One call of a loader, for one key or for many. */
export interface SourceCall extends Pick<LoadOrder, 'key' | 'tenant' | 'signal'> {
  /** The flights that it is for. */
  readonly flights: readonly Flight<RefillResult>[];
  /** True when no caller waits for it. */
  readonly background: boolean;
  readonly counters: GroupCounters;
}

/**
 * Calls a loader when the source may be asked, and counts, traces and reports the load.
 * @param load Calls the loader by `within`, so that the calls that the loader makes of a cache are known as nested ones.
 * @throws what {@link GuardedSource.run} refuses with, or what the loader throws.
 */
export async function callSource<T>(
  { clock, tracer, emit, source, counters: all }: CacheContext,
  { key, tenant, signal, flights, background, counters }: SourceCall,
  load: (patience: LoadPatience, within: <R>(loader: () => R) => R) => Promise<T>,
): Promise<T> {
  // Its callers have left before it could begin.
  signal.throwIfAborted();
  const patience = patienceOf(flights);
  const run = async (place: LoadPlace | undefined): Promise<T> => {
    const began = clock.now();
    const running = new RunningLoad(flights, place);
    for (const flight of flights) flight.beginLoad(running, began);
    counters.loads += 1;
    try {
      const loaded = await load(patience, (loader) => running.run(loader));
      emit({ type: 'load', key, durationMs: clock.now() - began, background });
      return loaded;
    } catch (error) {
      // A caller that runs out of time has left too, and the load was too slow for it.
      const givenUp = signal.aborted && error === signal.reason && !(error instanceof LoadTimeoutError);
      if (!givenUp) counters.loadErrors += 1;
      emit({ type: 'load', key, durationMs: clock.now() - began, background, error, givenUp });
      throw error;
    } finally {
      running.end();
      for (const flight of flights) flight.load = undefined;
    }
  };
  const order: LoadOrder = {
    key,
    tenant,
    signal,
    get patienceMs() {
      return patience.hardTimeoutMs;
    },
    dependents: dependentsOf(flights),
  };
  try {
    return await tracer.trace(SPAN.load, { [ATTRIBUTE.keyGroup]: counters.group }, (span) => {
      for (const flight of flights) {
        flight.span = span.ref;
        flight.goOn('queue');
      }
      return source.run(order, run);
    });
  } catch (error) {
    if (isRefusal(error)) all.loadsRefused += 1;
    throw error;
  }
}

/** A load has the time of the most patient caller of any of its flights. */
function patienceOf(flights: readonly Flight<RefillResult>[]): LoadPatience {
  return {
    get hardTimeoutMs() {
      return flights.reduce((most, flight) => Math.max(most, flight.hardTimeoutMs), 0);
    },
    timedOut(error) {
      for (const flight of flights) flight.timedOut(error);
    },
  };
}

/** The loads that wait for any of the flights of one load. */
function dependentsOf(flights: readonly Flight<RefillResult>[]): NonNullable<LoadOrder['dependents']> {
  return {
    *loads() {
      for (const { dependents } of flights) yield* dependents.loads();
    },
    watch(run) {
      const ends = flights.map(({ dependents }) => dependents.watch(run));
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

/** Loads for a flight, alone or together with the other keys of its call, and keeps its lease alive meanwhile. */
export async function loadFor(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  stale: Entry | undefined,
  lease: Lease | undefined,
): Promise<Loaded> {
  const stopRenewing = keepLeaseAlive(context, request, lease);
  try {
    return await (request.bulk?.load(flight, stale) ?? loadOne(context, request, flight, stale));
  } finally {
    stopRenewing();
  }
}

function loadOne(
  context: CacheContext,
  { key, namespace, loader, options, counters }: ReadRequest,
  flight: Flight<RefillResult>,
  stale: Entry | undefined,
): Promise<Loaded> {
  const { signal, background } = flight;
  const { tenant = namespace } = options;
  const call = { key, tenant, flights: [flight], signal, background, counters };
  const { clock, codec } = context;
  return callSource(context, call, (patience, within) => {
    const nesting: typeof loader = (told) => within(() => loader(told));
    return runLoader(clock, nesting, { key, stale: stale && codec.copyOf(stale.value), patience, signal });
  });
}
