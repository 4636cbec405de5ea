import type { GroupCounters } from '../model/counters.ts';
import type { Entry } from '../model/entry.ts';
import { isRefusal } from '../model/errors.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { SpanRef } from '../ports/tracer.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { Refilled } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { LoadOrder } from '../tiers/load-limit.ts';
import { type Loaded, type LoadPatience, runLoader } from '../tiers/loader.ts';
import { type FillRight, keepAlive } from './lease.ts';

/** One call of a loader, for one key or for many. */
export interface SourceCall extends Omit<LoadOrder, 'patienceMs'> {
  readonly patience: LoadPatience;
  /** Whether nobody waits for it. */
  readonly background: boolean;
  readonly counters: GroupCounters;
  /** Told of the span in which it runs. */
  onSpan(ref: SpanRef): void;
  /** Told that it waits for a place, and that it begins. */
  onQueued(): void;
  onBegun(now: number): void;
}

/**
 * Calls a loader when the source may be asked; counts it, traces it and tells of it.
 * @throws what {@link Source.run} refuses with, or what the loader throws.
 */
export async function callSource<T>(
  { clock, tracer, emit, source, counters: all }: Parts,
  { key, tenant, signal, patience, background, counters, onSpan, onQueued, onBegun }: SourceCall,
  load: () => Promise<T>,
): Promise<T> {
  // Its callers have left before it could begin.
  signal.throwIfAborted();
  const run = async (): Promise<T> => {
    const began = clock.now();
    onBegun(began);
    counters.loads += 1;
    try {
      const loaded = await load();
      emit({ type: 'load', key, durationMs: clock.now() - began, background });
      return loaded;
    } catch (error) {
      counters.loadErrors += 1;
      emit({ type: 'load', key, durationMs: clock.now() - began, background, error });
      throw error;
    }
  };
  const order: LoadOrder = {
    key,
    tenant,
    signal,
    get patienceMs() {
      return patience.hardTimeoutMs;
    },
  };
  try {
    return await tracer.trace(SPAN.load, { [ATTRIBUTE.keyGroup]: counters.group }, (span) => {
      onSpan(span.ref);
      onQueued();
      return source.run(order, run);
    });
  } catch (error) {
    if (isRefusal(error)) all.loadsRefused += 1;
    throw error;
  }
}

/** Loads for a flight, alone or together with the other keys of its call, and keeps its lease alive meanwhile. */
export async function loadFor(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  stale: Entry | undefined,
  right: FillRight | undefined,
): Promise<Loaded> {
  const stopRenewing = keepAlive(parts, request, right);
  try {
    return await (request.batch?.load(flight, stale) ?? loadOne(parts, request, flight, stale));
  } finally {
    stopRenewing();
  }
}

function loadOne(
  parts: Parts,
  { key, namespace, loader, options, counters }: ReadRequest,
  flight: Flight<Refilled>,
  stale: Entry | undefined,
): Promise<Loaded> {
  const { signal, background } = flight;
  const { tenant = namespace } = options;
  const onSpan = (ref: SpanRef): void => {
    flight.span = ref;
  };
  const onQueued = (): void => flight.goOn('queue');
  const onBegun = (now: number): void => flight.beginLoad(now);
  const call = { key, tenant, patience: flight, signal, background, counters, onSpan, onQueued, onBegun };
  return callSource(parts, call, () =>
    runLoader(parts.clock, loader, { key, stale: stale?.value, patience: flight, signal }),
  );
}
