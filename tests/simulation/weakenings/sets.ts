import type { EntryId } from '../../../src/core/model/key.ts';
import type { Flight } from '../../../src/core/state/flight.ts';
import { Flights } from '../../../src/core/state/flights.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { Mix } from '../plan-of.ts';
import { LASTING, type Weakened } from './weakening.ts';

/** Sets whose rows are committed no sooner than L2 has taken them, beside loads that are as fast. */
const SETS_AND_LOADS: Mix = {
  faults: [],
  writeShare: 0.2,
  aheadShare: 1,
  gapMs: 2,
  reads: ['read'],
  setting: { instances: 2, keys: ['w0'], sourceLatency: [0.1, 6], lateShare: 0.05, outbox: false },
  policy: LASTING,
};

/** Readers do not wait for a `set`, and what they load beside it may be stored. */
class UnwatchedFlights<R> extends Flights<R> {
  override writeOf(): Flight<R> | undefined {
    return undefined;
  }

  override open(...given: Parameters<Flights<R>['open']>): Flight<R> {
    const flight = super.open(...given);
    flight.superseded = false;
    return flight;
  }
}

/** What a `set` may still do, and the loads beside it. */
export const SETS: Readonly<Record<string, Weakened>> = {
  'a set that leaves to L1 what a faster load has stored there': {
    weakening: {
      collaborators: { Flights: UnwatchedFlights },
      wire: (wiring) => {
        const ending = new Set<EntryId>();
        return {
          ...wiring,
          l1: overriding(wiring.l1, {
            delete: (id) => {
              if (!ending.delete(id)) wiring.l1.delete(id);
            },
          }),
          tier: overriding(wiring.tier, {
            write: async (request) => {
              const reply = await wiring.tier.write(request);
              ending.add(request.id);
              return reply;
            },
          }),
        };
      },
    },
    mix: SETS_AND_LOADS,
  },

  'a set that takes no right from the loads beside it': {
    weakening: {
      collaborators: {
        Flights: class<R> extends UnwatchedFlights<R> {
          override supersedeOthers(flight: Flight<R>): void {
            if (!flight.isWrite) super.supersedeOthers(flight);
          }
        },
      },
    },
    mix: SETS_AND_LOADS,
  },
};
