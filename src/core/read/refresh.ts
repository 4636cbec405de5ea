import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { Span } from '../ports/tracer.ts';
import { ignore } from '../primitives/quietly.ts';
import { refill } from '../refill/refill.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import type { Refilled } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';

/** Starts a refill of a key. `background`: nobody is waiting for an answer. */
export function begin(parts: Parts, request: ReadRequest, background: boolean, beganAt?: number): Flight<Refilled> {
  const setup = flightSetup(parts, request, { background, mayLoad: true, beganAt });
  return parts.flights.begin(request.id, setup, (flight) => {
    flight.span = parts.tracer.current();
    return refill(parts, request, flight);
  });
}

/** One refresh behind the answer; whoever comes next finds it under way and begins none. */
export function refreshBehind(parts: Parts, request: ReadRequest, span: Span): void {
  if (request.batch !== undefined) request.batch.refresh();
  else if (mayRefresh(parts, request)) traceRefresh(parts, request, span, () => begin(parts, request, true).result);
}

/** Whether a refresh of the key is neither under way nor one too many. A `set` that is under way replaces the value anyhow. */
export function mayRefresh({ flights }: Parts, { id }: ReadRequest): boolean {
  if (flights.writeOf(id) !== undefined) return false;
  return flights.joinable(id, Number.NEGATIVE_INFINITY) === undefined && flights.hasRoom(id);
}

/** Runs a refresh in a trace of its own, linked to the one that caused it. */
export function traceRefresh(
  { name, tracer, background }: Parts,
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
  // A refresh that failed has been reported by the load; nobody waits for it.
  background.track(tracer.trace(SPAN.lookup, attributes, refresh, { links, root: true }), ignore);
}
