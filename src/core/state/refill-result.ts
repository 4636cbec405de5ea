import { type Entry, freshEnd } from '../model/entry.ts';
import type { TierName } from '../model/errors.ts';
import type { TierStep } from '../model/lookup.ts';
import type { TagState } from '../model/tags.ts';

/** Builds the result of a flight that an entry answers. */
export function toRefillResult(
  entry: Entry,
  state: RefillResult['state'],
  tier: RefillResult['tier'],
  keptInL1: boolean,
  l2: RefillResult['l2'],
  source: RefillResult['source'],
): RefillResult {
  const { value, storedAt, tags } = entry;
  const freshUntil = state === 'stale' ? freshEnd(entry) : entry.freshUntil;
  return { value, tier, state, storedAt, freshUntil, tags, keptInL1, l2, source };
}

/** The result of a flight. All its callers share it. Times are of this process's monotonic clock. */
export interface RefillResult {
  readonly value: unknown;
  readonly tier: TierName;
  readonly state: 'fresh' | 'stale';
  readonly storedAt: number;
  readonly freshUntil: number;
  readonly tags: readonly TagState[];
  /** True when the value is in L1 now. */
  readonly keptInL1: boolean;
  readonly l2: TierStep | undefined;
  readonly source: { readonly outcome: 'loaded' | 'failed'; readonly durationMs: number } | undefined;
}

/** The result of a flight that found no value. A value is never `undefined`. */
export const NOTHING: RefillResult = {
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
