import type { TierName } from './errors.ts';

/** The reason why a lookup did not use a tier that is configured. */
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
  /** The caller set `forceFresh`. */
  | 'force-fresh';

/** The part of one tier in one lookup. */
export interface TierStep {
  readonly outcome: 'hit' | 'stale' | 'miss' | 'bypass';
  readonly reason?: BypassReason | undefined;
  /** True when the tier now holds this lookup's value and has acknowledged it. */
  readonly stored: boolean;
  /** True when the lookup joined the load of another caller: in this process (l1) or in the fleet (l2). */
  readonly collapsed: boolean;
  /** Time spent in the tier, in milliseconds. */
  readonly durationMs: number;
}

/** The tiers in the order asked. A tier that was not asked, or is not configured, is absent. */
export interface LookupSteps {
  readonly l1?: TierStep;
  readonly l2?: TierStep;
  /** `failed`: the loader threw or timed out, and a stale value answered. */
  readonly source?: { readonly outcome: 'loaded' | 'failed'; readonly durationMs: number };
}

/** An answer and its origin. */
export interface Lookup<V> {
  /** The value, deeply frozen unless `freeze` is off. Every caller gets the same object. */
  readonly value: V;
  /** The tier that answered. */
  readonly tier: TierName;
  readonly state: 'fresh' | 'stale';
  /** Time since the value was loaded, in milliseconds. */
  readonly age: number;
  /**
   * Time until the value is not fresh any more, in milliseconds; `Infinity` if it is fresh for ever. For a stale answer
   * it is the time since it became stale, as a negative number, and never above 0.
   *
   * It counts from the end of the TTL, from `expire`, or from the failed load that the answer stands in for. L2 does
   * not say when a tag was expired. There it counts from the moment at which the value was loaded.
   */
  readonly ttl: number;
  /** True when the answer came from a load that another caller had begun. */
  readonly collapsed: boolean;
  readonly tags: readonly string[];
  readonly steps: LookupSteps;
}
