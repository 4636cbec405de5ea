import type { TierName } from './errors.ts';

/** Why a tier was not used although it is there. */
export type BypassReason =
  /** L1: this instance cannot show that it missed no invalidation. */
  | 'unproven'
  /** L2: the breaker is open. */
  | 'breaker-open'
  /** L2: no answer within `l2Timeout`. */
  | 'timeout'
  /** L2: the server answered with an error, or is not connected. */
  | 'error'
  /** L2: its history is not known (again) yet. */
  | 'untrusted'
  /** L2: an invalidation of this key has not been delivered yet. */
  | 'pending'
  /** `forceFresh`. */
  | 'force-fresh';

/** What one tier did for one lookup. */
export interface TierStep {
  readonly outcome: 'hit' | 'stale' | 'miss' | 'bypass';
  readonly reason?: BypassReason | undefined;
  /** Whether this lookup's value is now in the tier, acknowledged. */
  readonly stored: boolean;
  /** Whether the lookup joined somebody else's load: in this process (l1) or in the fleet (l2). */
  readonly collapsed: boolean;
  /** Time spent in the tier, in milliseconds. */
  readonly durationMs: number;
}

/** The tiers in the order asked; a tier that was not asked, or is not configured, is absent. */
export interface LookupSteps {
  readonly l1?: TierStep;
  readonly l2?: TierStep;
  /** `failed`: the loader threw or timed out and a stale value answered. */
  readonly source?: { readonly outcome: 'loaded' | 'failed'; readonly durationMs: number };
}

/** An answer and where it came from. */
export interface Lookup<V> {
  /** Deeply frozen, unless `freeze` is off: the same object is handed to every caller. */
  readonly value: V;
  /** The tier that answered. */
  readonly tier: TierName;
  readonly state: 'fresh' | 'stale';
  /** Time since the value was loaded, in milliseconds. */
  readonly age: number;
  /**
   * Time until it is not fresh any more, in milliseconds; `Infinity` if it is fresh for ever. Of a stale answer never above 0:
   * the time since it became stale, negative. It counts from the end of the TTL, from `expire`, or from the failed load that
   * it stands in for. L2 does not say when a tag was expired: there it counts from when the value was loaded.
   */
  readonly ttl: number;
  /** Whether the answer came from a load that another caller had begun. */
  readonly collapsed: boolean;
  readonly tags: readonly string[];
  readonly steps: LookupSteps;
}
