import type { Bus } from '../ports/bus.ts';
import type { PendingDelivery } from './pending-delivery.ts';
import type { Repair } from './recovery.ts';

/** The parts that the heartbeat works with. */
export interface HeartTerms {
  readonly bus: Bus | undefined;
  readonly repair: Repair;
  readonly delivery: PendingDelivery;
  /** An answer of L2 is of use for so long, in milliseconds. */
  readonly answerMs: number;
  /** Told of each heartbeat that was answered. */
  readonly onBeat: () => void;
}
