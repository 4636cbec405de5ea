import type { GroupCounters } from './counters.ts';
import { isRefusal } from './errors.ts';
import type { LoadOrder } from './load-limit.ts';
import type { Parts } from './parts.ts';
import { ATTRIBUTE, SPAN } from './telemetry-names.ts';
import type { SpanRef } from './tracer.ts';

/** One call of a loader, for one key or for many. */
export interface SourceCall extends Omit<LoadOrder, 'patienceMs'> {
  readonly hardTimeoutMs: number;
  /** Whether nobody waits for it. */
  readonly background: boolean;
  readonly counters: GroupCounters;
  /** Told of the span in which it runs. */
  onSpan(ref: SpanRef): void;
}

/**
 * Calls a loader when the source may be asked; counts it, traces it and tells of it.
 * @throws what {@link Source.run} refuses with, or what the loader throws.
 */
export async function callSource<T>(
  { clock, tracer, emit, source, counters: all }: Parts,
  { key, tenant, signal, hardTimeoutMs, background, counters, onSpan }: SourceCall,
  load: () => Promise<T>,
): Promise<T> {
  const run = async (): Promise<T> => {
    const began = clock.now();
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
  try {
    return await tracer.trace(SPAN.load, { [ATTRIBUTE.keyGroup]: counters.group }, (span) => {
      onSpan(span.ref);
      return source.run({ key, tenant, signal, patienceMs: hardTimeoutMs }, run);
    });
  } catch (error) {
    if (isRefusal(error)) all.loadsRefused += 1;
    throw error;
  }
}
