import type { BusMessage } from '../../../src/core/model/invalidation.ts';
import type { Bus, BusListener } from '../../../src/core/ports/bus.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { Mix } from '../plan-of.ts';
import type { Weakening } from '../world.ts';

/** A rule of the protocol taken away, and the kind of world in which that shows. */
export interface Weakened {
  readonly weakening: Weakening;
  /** Default: a world like any other. */
  readonly mix?: Mix;
}

/** A bus on which `pass` decides what its listener hears. */
export function hearing(bus: Bus, pass: (listener: BusListener, message: BusMessage) => void): Bus {
  return overriding<Bus>(bus, {
    start: (instance, listener, cache) => {
      const heard: BusListener = {
        onSubscribed: () => listener.onSubscribed(),
        onUnsubscribed: (error) => listener.onUnsubscribed(error),
        onMalformed: (reason, isGap) => listener.onMalformed(reason, isGap),
        onMessage: (message) => pass(listener, message),
      };
      bus.start(instance, heard, cache);
    },
  });
}

/** Values that stay in L1 and L2 for as long as nobody ends them: what was missed shows. */
export const LASTING = {
  ttl: 20_000,
  l1Ttl: 5_000,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  refreshAhead: false,
  softTimeout: false,
} as const;

/** Keys whose rows are invalidated, not written through. */
export const INVALIDATED = ['k0', 'k1', 'k2'] as const;

/** Loads that take longer than D, in a process that hears nothing. */
export const SLOW_AND_ALONE: Mix = {
  faults: ['process is isolated', 'source is slow'],
  faultShare: 0.02,
  faultMs: [1_500, 6_000],
  writeShare: 0.05,
  gapMs: 15,
  reads: ['read'],
  setting: { instances: 2, keys: ['k0'], lateShare: 0 },
  policy: { ...LASTING, hardTimeout: 6_000 },
};
