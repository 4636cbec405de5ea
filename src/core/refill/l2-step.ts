import type { BypassReason, TierStep } from '../model/lookup.ts';
import type { L2Answer } from './ask-l2.ts';

/** Builds the step of a lookup that says which answer L2 gave. */
export function stepOf(
  outcome: TierStep['outcome'],
  reason: BypassReason | undefined,
  collapsed: boolean,
  durationMs: number,
): TierStep {
  return { outcome, reason, stored: false, collapsed, durationMs };
}

/** Names the outcome of an answer: a value that needs replacing counts as stale, and no value as a miss. */
export function outcomeOf(answer: L2Answer): TierStep['outcome'] {
  switch (answer.kind) {
    case 'entry':
      return answer.state === 'fresh' ? 'hit' : 'stale';
    case 'elsewhere':
      return 'miss';
    case 'mine':
      return answer.candidate === undefined ? 'miss' : 'stale';
    case 'no-right':
      if (answer.reason !== undefined) return 'bypass';
      return answer.candidate === undefined ? 'miss' : 'stale';
  }
}
