import { type Entry, tagsAreCurrent } from './entry.ts';
import type { Flight } from './flights.ts';
import type { Parts } from './parts.ts';
import type { Refilled } from './refilled.ts';

/** Stores into L1 if the flight still may; the first flight of a key to end takes that right from the others. */
export function keep(parts: Parts, flight: Flight<Refilled>, entry: Entry): boolean {
  if (!mayKeep(flight, entry) || !tagsAreCurrent(entry.tags)) return drop(parts, flight);
  parts.flights.outrunOthers(flight);
  parts.l1.set(flight.id, entry);
  return true;
}

/** A tag that was learnt from the value was not watched while the flight was under way. */
export function mayKeep(flight: Flight<Refilled>, { tags }: Entry): boolean {
  return flight.mayStore && !flight.endedTags.hasAny(tags);
}

/** A value was handed out that L1 does not hold: what L1 does hold may be older. */
export function drop({ l1, flights }: Parts, flight: Flight<Refilled>): false {
  flights.outrunOthers(flight);
  l1.delete(flight.id);
  return false;
}
