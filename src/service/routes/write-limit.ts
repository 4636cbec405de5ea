import { FairPlaces } from '../../core/fair-places.ts';
import { LoadShedError } from '../../core/model/errors.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { Problem } from '../http/problem.ts';

/** A change waits at most this long for a place. */
const LONGEST_WAIT_MS = 5_000;

/** Changes that may wait, for each that may run. */
const WAITING_PER_PLACE = 1_000;

/** Of so many connections one is left to loads and to look-ups of tokens, and one in any case. */
const KEPT_SHARE = 5;

/**
 * Limits how many changes run at once, and shares the places out evenly among orgs. A change holds a connection to the database.
 * Some are left to loads and to look-ups of tokens, however many changes one org asks for.
 */
export class WriteLimit {
  readonly #places: FairPlaces;

  /** @param pool Connections to the database. */
  constructor(pool: number, clock: Clock = systemClock) {
    const places = Math.max(1, pool - Math.max(1, Math.floor(pool / KEPT_SHARE)));
    this.#places = new FairPlaces(clock, places, {
      longestWaitMs: LONGEST_WAIT_MS,
      waitingPerPlace: WAITING_PER_PLACE,
    });
  }

  /** Changes that run. */
  get running(): number {
    return this.#places.running;
  }

  /**
   * Runs a change as soon as there is a place for it.
   * @param tenant The org that asks.
   * @param signal Ends the waiting, not the change.
   * @throws {@link Problem} 503 when too many wait already, or no place became free in time; the signal's reason; what the
   *   change throws.
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
