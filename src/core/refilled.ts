import type { TierName } from './errors.ts';
import type { EntryId } from './key.ts';
import type { TierStep } from './lookup.ts';

/** What a flight brings, the same for everyone who waits for it. Times are of this process's monotonic clock. */
export interface Refilled {
  readonly value: unknown;
  readonly tier: TierName;
  readonly state: 'fresh' | 'stale';
  readonly storedAt: number;
  readonly freshUntil: number;
  readonly tagIds: readonly EntryId[];
  /** Whether the value is in L1 now. */
  readonly keptInL1: boolean;
  readonly l2: TierStep | undefined;
  readonly source: { readonly outcome: 'loaded' | 'failed'; readonly durationMs: number } | undefined;
}

/** A flight that found no value; `undefined` is never one. */
export const NOTHING: Refilled = {
  value: undefined,
  tier: 'l2',
  state: 'fresh',
  storedAt: 0,
  freshUntil: 0,
  tagIds: [],
  keptInL1: false,
  l2: undefined,
  source: undefined,
};
