import type { CacheContext } from './context.ts';
import type { FlightSetup } from './flight.ts';
import type { ReadRequest } from './request.ts';

/**
 * Returns the earliest begin of a flight that a reader may join at `now`. A reader may join a flight under the
 * condition under which L1 could serve its value. While nothing is proven, that means a flight that began within D.
 */
export function oldestToJoin({ proof, maxLagMs }: CacheContext, now: number): number {
  return proof.isProven(now) ? Number.NEGATIVE_INFINITY : Math.max(now - maxLagMs, proof.awokeAt);
}

/** Collects the state that a read registers before it sends anything. */
export function flightSetup(
  context: CacheContext,
  { tagIds, options }: Pick<ReadRequest, 'tagIds' | 'options'>,
  { background, mayLoad, beganAt }: Pick<FlightSetup, 'background' | 'mayLoad' | 'beganAt'>,
): FlightSetup {
  const { hasBus, proof, l2, pending, clock } = context;
  return {
    // The last invalidation that this instance has acted on. Later ones may arrive while the flight is under way. While
    // nothing is proven, messages of the bus may be forged, so the answer of the last heartbeat counts instead.
    seen:
      hasBus && proof.isProven(beganAt ?? clock.now())
        ? { epoch: proof.epoch, sequence: proof.seen ?? 0 }
        : (l2?.lastBeat ?? { epoch: undefined, sequence: 0 }),
    tags: tagIds.map((tag) => context.tags.obtain(tag)),
    undelivered: pending.undelivered(),
    background,
    mayLoad,
    isWrite: false,
    beganAt,
    hardTimeoutMs: options.hardTimeoutMs,
    l2TimeoutMs: options.l2TimeoutMs,
    leaseWaitMs: options.leaseWaitMs,
  };
}
