import { type Meter, metrics, type Observable } from '@opentelemetry/api';
import { assertPort } from '../core/model/arguments.ts';
import type { CacheEvent, Observer } from '../core/model/events.ts';
import type { Lookup } from '../core/model/lookup.ts';
import type { TieredCache } from '../core/tiered-cache.ts';
import { READ_INSTRUMENTS, type ReadInstrument } from './metrics.ts';
import { LABEL, METRIC, SCOPE } from './names.ts';
import { otelTracer } from './tracer.ts';

/** The members of a cache that {@link instrument} uses. `createCache` makes such a cache; a namespace of it is none. */
export type InstrumentableCache = Pick<TieredCache, 'name' | 'attach' | 'stats' | 'health' | 'groupOf'>;

/** Spans and metrics that are attached to one cache. */
export interface Instrumentation {
  /** Detaches them: the cache makes no more spans, and its metrics get no more points. A second call does nothing. */
  detach(): void;
}

/** The boundaries reach from an L1 hit, which compares two numbers, to a loader at its hard timeout. Seconds. */
const DURATION_BUCKETS_S = [
  0.000_001, 0.000_005, 0.000_025, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
  1, 2.5, 5, 10,
];

/**
 * Gives a cache spans and metrics through `@opentelemetry/api`. Its tracer replaces the one that the cache had.
 *
 * An exporter reads most metrics from counts that the cache keeps anyway. Loads and the duration of lookups are
 * recorded as they happen. Register the SDK before this call. The metrics API, unlike the tracing API, gives no
 * instruments to an SDK that comes later.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { instrument } from 'tiercel/otel';
 *
 * const cache = createCache({ name: 'catalog', l1: lru() });
 * const telemetry = instrument(cache);
 * // at shutdown
 * telemetry.detach();
 * await cache.close();
 * ```
 * @returns the attachment, which ends with {@link Instrumentation.detach}.
 * @throws {@link InvalidOptionError} when `cache` is not a cache that `createCache` made.
 */
export function instrument(cache: InstrumentableCache): Instrumentation {
  assertPort(
    'cache',
    cache,
    ['attach', 'stats', 'health', 'groupOf'],
    'a cache that createCache has made, not a namespace of it',
  );
  const meter = metrics.getMeter(SCOPE);
  const detachCache = cache.attach({ tracer: otelTracer(cache.name), observer: recorder(meter, cache) });
  const stopReading = readOnDemand(meter, cache);
  return {
    detach() {
      detachCache();
      stopReading();
    },
  };
}

function readOnDemand(meter: Meter, cache: InstrumentableCache): () => void {
  const observables = new Map(READ_INSTRUMENTS.map((each) => [each, observableOf(meter, each)]));
  const read: Parameters<Meter['addBatchObservableCallback']>[0] = (result) => {
    const reading = { stats: cache.stats(), health: cache.health() };
    for (const [each, observable] of observables) {
      for (const { value, labels } of each.read(reading)) {
        result.observe(observable, value, { [LABEL.cache]: cache.name, ...labels });
      }
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(read, all);
  return () => meter.removeBatchObservableCallback(read, all);
}

function observableOf(meter: Meter, { name, kind, description, unit }: ReadInstrument): Observable {
  const options = { description, ...(unit && { unit }) };
  return kind === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options);
}

/** Records what the counts of a cache cannot show: durations of lookups and outcomes of loads. */
function recorder(meter: Meter, instrumented: InstrumentableCache): Observer {
  const durations = meter.createHistogram(METRIC.lookupDuration, {
    unit: 's',
    description: 'Time in the tiers that a lookup asked, by the tier that answered',
    advice: { explicitBucketBoundaries: DURATION_BUCKETS_S },
  });
  const loads = meter.createCounter(METRIC.loads, { description: 'Loaders that have ended, by outcome' });
  const cache = { [LABEL.cache]: instrumented.name };
  return (event: CacheEvent) => {
    if (event.type === 'lookup') {
      durations.record(secondsIn(event.lookup), { ...cache, [LABEL.tier]: event.lookup.tier });
    } else if (event.type === 'load') {
      const outcome = event.error === undefined ? 'ok' : event.givenUp === true ? 'aborted' : 'error';
      loads.add(1, { ...cache, [LABEL.group]: instrumented.groupOf(event.key), [LABEL.outcome]: outcome });
    }
  };
}

function secondsIn({ steps: { l1, l2, source } }: Lookup<unknown>): number {
  return ((l1?.durationMs ?? 0) + (l2?.durationMs ?? 0) + (source?.durationMs ?? 0)) / 1_000;
}
