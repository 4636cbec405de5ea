import type { EntryId } from '../../../src/core/model/key.ts';
import { TagRegistry } from '../../../src/core/model/tags.ts';
import type { Flight } from '../../../src/core/state/flight.ts';
import { Flights } from '../../../src/core/state/flights.ts';
import { Proof } from '../../../src/core/state/proof.ts';
import type { Mix } from '../plan-of.ts';
import { LASTING, SLOW_AND_ALONE, type Weakened } from './weakening.ts';

/** Short runs, so that what is wrong in the end was not mended by a later write; loads and messages that take long. */
const NAMED_LATE: Mix = {
  operations: 40,
  faults: [],
  writeShare: 0.25,
  gapMs: 8,
  how: ['tag'],
  modes: ['delete'],
  reads: ['read'],
  setting: { instances: 3, keys: ['k0', 'k2'], sourceLatency: [10, 120], lateShare: 0.3, outbox: false },
  policy: LASTING,
};

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

  'flights that do not supersede each other': {
    weakening: {
      collaborators: {
        Flights: class<R> extends Flights<R> {
          override supersedeOthers(): void {}
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

  'flights that are told only of tags that are news to their process': onlyNews(),

  'a late tag of which every invalidation counts as heard': {
    weakening: {
      collaborators: {
        Proof: class extends Proof {
          override hasHeard(): 'all' {
            return 'all';
          }
        },
      },
    },
    mix: NAMED_LATE,
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

function onlyNews(): Weakened {
  // What the registry has said of the tags that the next step takes out of the same process.
  let news: EntryId[] = [];
  return {
    weakening: {
      collaborators: {
        TagRegistry: class extends TagRegistry {
          override invalidate(...given: Parameters<TagRegistry['invalidate']>): boolean {
            const isNews = super.invalidate(...given);
            if (isNews) news.push(given[0]);
            return isNews;
          }
        },
        Flights: class<R> extends Flights<R> {
          override poison(ids: Iterable<EntryId>, _tags: readonly EntryId[], matches?: (id: EntryId) => boolean): void {
            super.poison(ids, news, matches);
            news = [];
          }
        },
      },
    },
    mix: NAMED_LATE,
  };
}
