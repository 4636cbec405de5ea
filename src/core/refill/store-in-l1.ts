import { type Entry, tagsAreCurrent } from '../model/entry.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { RefillResult } from '../state/refill-result.ts';

type Storing = Pick<CacheContext, 'l1' | 'flights'>;

/**
 * Stores an entry in L1, unless an invalidation of its key or of one of its tags arrived during the flight. The first
 * flight of a key to end takes the right to store from the others (protocol, race 34).
 * @returns true when L1 holds the entry now.
 */
export function storeInL1(context: Storing, flight: Flight<RefillResult>, entry: Entry): boolean {
  if (!mayStoreInL1(flight, entry) || !tagsAreCurrent(entry.tags)) return dropFromL1(context, flight);
  context.flights.supersedeOthers(flight);
  return context.l1.set(flight.id, entry);
}

/** True while no invalidation of the key or of one of these tags has arrived. It also counts tags that only the value named. */
export function mayStoreInL1(flight: Flight<RefillResult>, { tags }: Entry): boolean {
  return flight.mayStore && !flight.hasEnded(tags);
}

/** Removes the key from L1. The caller gets a value that L1 may not hold, and the value that L1 does hold may be older. */
export function dropFromL1({ l1, flights }: Storing, flight: Flight<RefillResult>): false {
  flights.supersedeOthers(flight);
  l1.delete(flight.id);
  return false;
}
