import { callSource } from './call-source.ts';
import type { Entry } from './entry.ts';
import { type FillRight, keepAlive } from './fill-right.ts';
import type { Flight } from './flights.ts';
import { type Loaded, runLoader } from './load.ts';
import type { Parts } from './parts.ts';
import type { ReadRequest } from './read-request.ts';
import type { Refilled } from './refilled.ts';
import type { SpanRef } from './tracer.ts';

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
  const { tenant = namespace, hardTimeoutMs } = options;
  const onSpan = (ref: SpanRef): void => {
    flight.span = ref;
  };
  return callSource(parts, { key, tenant, hardTimeoutMs, signal, background, counters, onSpan }, () =>
    runLoader(parts.clock, loader, { key, stale: stale?.value, hardTimeoutMs, signal }),
  );
}
