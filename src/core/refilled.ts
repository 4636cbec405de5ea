import type { TierName } from './errors.ts';
import type { TierStep } from './lookup.ts';
import type { TagState } from './tags.ts';

/** What a flight brings, the same for everyone who waits for it. Times are of this process's monotonic clock. */
export interface Refilled {
  readonly value: unknown;
  readonly tier: TierName;
  readonly state: 'fresh' | 'stale';
  readonly storedAt: number;
  readonly freshUntil: number;
  readonly tags: readonly TagState[];
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
  tags: [],
  keptInL1: false,
  l2: undefined,
  source: undefined,
};
