import type { OutboxListener } from '../ports/outbox.ts';
import type { PeriodicTask } from '../primitives/periodic-task.ts';
import type { CacheContext } from '../state/context.ts';

/** Looks into the outbox per bound D. One may fail, and a row without a notification is still found in time. */
export const LOOKS_PER_BOUND = 3;

const LONGEST_LOOK_MS = 500;

/** Longest pause between two looks, in milliseconds, while they succeed. */
export function lookEveryMs(maxLagMs: number): number {
  return Math.min(maxLagMs / LOOKS_PER_BOUND, LONGEST_LOOK_MS);
}

/** Builds the listener that wakes the looks into an outbox and reports its failures. */
export function listenerOf({ emit }: CacheContext, looks: PeriodicTask): OutboxListener {
  return {
    onChange: () => looks.wake(),
    onError: (error) =>
      emit({ type: 'tier_failure', error, operation: 'acknowledge', tier: 'source', background: true }),
  };
}
