import { FairPlaces } from '../../core/fair-places.ts';
import { LoadShedError } from '../../core/model/errors.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { Problem } from '../http/problem.ts';

/** A change waits at most this long for a place. */
const LONGEST_WAIT_MS = 5_000;

/** The number of changes that may wait for each place. */
const WAITING_PER_PLACE = 1_000;

/** One of this many connections is left to loads and to look-ups of tokens, and at least one in any case. */
const KEPT_SHARE = 5;

/**
 * Limits the number of changes that run at once, and shares the places evenly among orgs. A change holds a connection to the
 * database. Some connections stay free for loads and look-ups of tokens, however many changes one org asks for.
 */
export class WriteLimit {
  readonly #places: FairPlaces;

  /** @param pool The number of connections to the database. */
  constructor(pool: number, clock: Clock = systemClock) {
    const places = Math.max(1, pool - Math.max(1, Math.floor(pool / KEPT_SHARE)));
    this.#places = new FairPlaces(clock, places, {
      longestWaitMs: LONGEST_WAIT_MS,
      waitingPerPlace: WAITING_PER_PLACE,
    });
  }

  /** The number of changes that run. */
  get running(): number {
    return this.#places.running;
  }

  /**
   * Runs a change as soon as there is a place for it.
   * @param tenant The org of the request.
   * @param signal Ends the wait, not the change.
   * @throws {@link Problem} 503 when too many changes wait already or no place became free in time; the signal's reason;
   *   whatever the change throws.
   */
  async run<T>(tenant: string, signal: AbortSignal, change: () => Promise<T>): Promise<T> {
    try {
      return await this.#places.run({ key: 'change', tenant, signal, patienceMs: LONGEST_WAIT_MS }, change);
    } catch (error) {
      if (!(error instanceof LoadShedError)) throw error;
      throw new Problem(503, 'Too many changes are waiting already', { 'retry-after': '1' });
    }
  }
}
