import type { Bus } from '../ports/bus.ts';
import type { PendingDelivery } from './pending-delivery.ts';
import type { Recovery } from './recovery.ts';

/** The parts that the heartbeat works with. */
export interface HeartbeatTerms {
  readonly bus: Bus | undefined;
  readonly recovery: Recovery;
  readonly delivery: PendingDelivery;
  /** The time within which an answer of L2 is of use, in milliseconds. */
  readonly answerMs: number;
  /** Told of each heartbeat that was answered. */
  readonly onBeat: () => void;
}
