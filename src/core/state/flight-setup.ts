import type { CacheContext } from './context.ts';
import type { FlightSetup } from './flight.ts';
import type { ReadRequest } from './request.ts';

/** A flight may be joined under the condition under which its value could be served from L1. */
export function oldestToJoin({ proof, maxLagMs }: CacheContext, now: number): number {
  return proof.isProven(now) ? Number.NEGATIVE_INFINITY : Math.max(now - maxLagMs, proof.awokeAt);
}

/** What a read takes note of before it sends anything. */
export function flightSetup(
  context: CacheContext,
  { tagIds, options }: Pick<ReadRequest, 'tagIds' | 'options'>,
  { background, mayLoad, beganAt }: Pick<FlightSetup, 'background' | 'mayLoad' | 'beganAt'>,
): FlightSetup {
  const { hasBus, proof, l2, pending, clock } = context;
  return {
    // The last invalidation that this instance has acted on: those after it may come while the flight is under way. What the
    // bus says while nothing is proven may be forged, so a heartbeat's answer counts then.
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
