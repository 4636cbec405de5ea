import type { Flight } from './flights.ts';
import type { Loaded } from './load.ts';
import type { Refilled } from './refilled.ts';

/** The part that one key has in a call for many: what they do together. */
export interface Batch {
  /** The key waits for somebody else: the load of the others does not wait for it. */
  standAside(): void;
  /**
   * Loads the key with all others that have to be loaded, as soon as that is known of each.
   * @param stale The value that the load replaces.
   */
  load(flight: Flight<Refilled>, stale: { readonly value: unknown } | undefined): Promise<Loaded>;
  /** Refreshes the key behind the answer, together with the others of which that is due. */
  refresh(): void;
}
