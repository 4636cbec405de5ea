import type { EntryId } from '../../../src/core/model/key.ts';
import type { Flight } from '../../../src/core/state/flight.ts';
import { Flights } from '../../../src/core/state/flights.ts';
import { LASTING, SLOW_AND_ALONE, type Weakened } from './weakening.ts';

/** What a flight may still do when something has happened meanwhile. */
export const FLIGHTS: Readonly<Record<string, Weakened>> = {
  'flights that no invalidation poisons': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          override poison(): void {}
        },
      },
    },
  },

  'readers that join a flight from before the invalidation': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          readonly #latest = new Map<EntryId, Flight<R>>();

          override open(...given: Parameters<Flights<R>['open']>): Flight<R> {
            const flight = super.open(...given);
            this.#latest.set(given[0], flight);
            const forget = (): void => {
              if (this.#latest.get(given[0]) === flight) this.#latest.delete(given[0]);
            };
            flight.result.then(forget, forget);
            return flight;
          }

          override joinable(id: EntryId): Flight<R> | undefined {
            return this.#latest.get(id);
          }
        },
      },
    },
  },

  'readers that join a flight of any age while nothing is proven': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          override joinable(id: EntryId): Flight<R> | undefined {
            return super.joinable(id, Number.NEGATIVE_INFINITY);
          }
        },
      },
    },
    mix: SLOW_AND_ALONE,
  },

  'flights that do not outrun each other': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          override outrunOthers(): void {}
        },
      },
    },
    mix: {
      faults: ['bus is a black hole', 'source is slow'],
      faultMs: [300, 1_500],
      faultShare: 0.05,
      writeShare: 0.1,
      gapMs: 10,
      reads: ['read', 'get'],
      setting: { instances: 2, keys: ['w0'], sourceLatency: [1, 40], lateShare: 0.3 },
      policy: LASTING,
    },
  },

  'callers who wait for as long as the flight, not for their own time': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          override open(...given: Parameters<Flights<R>['open']>): Flight<R> {
            const flight = super.open(...given);
            Object.defineProperty(flight, 'stage', { value: 'first-question' });
            Object.defineProperty(flight, 'firstAnswerAt', { value: Number.NEGATIVE_INFINITY });
            flight.onGoOn = () => {};
            return flight;
          }
        },
      },
    },
    mix: { hurry: true },
  },

  'flights that forget which tags have ended meanwhile': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          override poison(ids: Iterable<EntryId>, _tags: readonly EntryId[], matches?: (id: EntryId) => boolean): void {
            super.poison(ids, [], matches);
          }
        },
      },
    },
  },
};
