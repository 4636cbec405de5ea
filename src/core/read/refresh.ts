import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { Span } from '../ports/tracer.ts';
import { ignore } from '../primitives/quietly.ts';
import { refill } from '../refill/refill.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';

/** Begins a flight of a key. `background`: no caller waits for an answer. */
export function begin(
  context: CacheContext,
  request: ReadRequest,
  background: boolean,
  beganAt?: number,
): Flight<RefillResult> {
  const setup = flightSetup(context, request, { background, mayLoad: true, beganAt });
  return context.flights.begin(request.id, setup, (flight) => {
    flight.span = context.tracer.current();
    return refill(context, request, flight);
  });
}

/** Begins one refresh in the background, unless one is under way. */
export function refreshBehind(context: CacheContext, request: ReadRequest, span: Span): void {
  if (request.bulk !== undefined) request.bulk.refresh();
  else if (mayRefresh(context, request))
    traceRefresh(context, request, span, () => begin(context, request, true).result);
}

/**
 * True when a refresh of the key may begin: none is under way, and there is room for one. A `set` that is under way
 * replaces the value anyhow.
 */
export function mayRefresh({ flights }: CacheContext, { id }: ReadRequest): boolean {
  if (flights.writeOf(id) !== undefined) return false;
  return flights.joinable(id, Number.NEGATIVE_INFINITY) === undefined && flights.hasRoom(id);
}

/** Runs a refresh in a trace of its own, linked to the trace that caused it. */
export function traceRefresh(
  { name, tracer, background }: CacheContext,
  { counters }: ReadRequest,
  span: Span,
  refresh: () => Promise<unknown>,
): void {
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'refresh',
    [ATTRIBUTE.keyGroup]: counters.group,
  };
  const links = span.ref === undefined ? [] : [span.ref];
  // The load has reported a failed refresh, and no caller waits for it.
  background.track(tracer.trace(SPAN.lookup, attributes, refresh, { links, root: true }), ignore);
}
