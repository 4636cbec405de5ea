import type { BreakerStateName } from '../primitives/circuit-breaker.ts';
import type { TierFailure, TierName } from './errors.ts';
import type { Targets } from './invalidation.ts';
import type { Lookup } from './lookup.ts';

/**
 * An event in the life of a cache, reported in the order of occurrence. Logs, traces and counters are all made from
 * these. Keys are logical. A consumer that prints above debug level prints a key's group instead.
 */
export type CacheEvent =
  /** A lookup that was not a plain L1 hit has its answer. (L1 hits are only counted.) */
  | { readonly type: 'lookup'; readonly key: string; readonly lookup: Lookup<unknown> }
  /** A lookup ended without an answer. */
  | { readonly type: 'lookup_failed'; readonly key: string; readonly error: unknown }
  /**
   * A loader has ended. `background`: no caller waited for it. `givenUp`: its callers have left, or the cache was
   * closed. The error of such a load reports that and says nothing of the source.
   */
  | {
      readonly type: 'load';
      readonly key: string;
      readonly durationMs: number;
      readonly background: boolean;
      readonly error?: unknown;
      readonly givenUp?: boolean;
    }
  /** A tier failed. No caller was rejected for it. */
  | ({ readonly type: 'tier_failure' } & TierFailure)
  /** An L2 operation got no answer within its budget. */
  | { readonly type: 'l2_timeout'; readonly operation: string; readonly durationMs: number }
  | { readonly type: 'fill_refused'; readonly key: string }
  | {
      readonly type: 'breaker_transition';
      readonly tier: TierName;
      readonly from: BreakerStateName;
      readonly to: BreakerStateName;
    }
  /** Reads stopped using L2, or began to use it again. */
  | { readonly type: 'l2_down'; readonly reason: string }
  | { readonly type: 'l2_up'; readonly downMs: number }
  /**
   * L2 has dropped keys to make room since its figures were last read. `count` is of all keys, those of other
   * applications included. `groups` counts them by key group, at most the twenty greatest. It holds only the keys that
   * L2 reported.
   */
  | { readonly type: 'eviction'; readonly count: number; readonly groups: Readonly<Record<string, number>> }
  | { readonly type: 'invalidated'; readonly targets: Targets; readonly origin: 'here' | 'elsewhere' }
  /**
   * An invalidation did not reach L2 or, with `outbox`, the outbox. The counts are of all that is still undelivered.
   */
  | {
      readonly type: 'invalidation_pending';
      readonly keys: number;
      readonly tags: number;
      readonly all: boolean;
      readonly outbox: boolean;
    }
  | { readonly type: 'invalidation_delivered' }
  /** A message on the bus did not have the expected number: at least one was lost. */
  | { readonly type: 'bus_gap'; readonly expected: number | undefined; readonly got: number }
  | { readonly type: 'bus_resync' }
  | { readonly type: 'bus_malformed'; readonly reason: string }
  | { readonly type: 'epoch_changed'; readonly from: string | undefined; readonly to: string }
  /** L1 stopped answering, or began again. This instance cannot, or can, show that it missed no invalidation. */
  | { readonly type: 'l1_suspended' }
  | { readonly type: 'l1_resumed' }
  /** The cache has no bus, so only its TTL bounds the L1 of other instances. The cache reports this once. */
  | { readonly type: 'no_bus' }
  /** A fault that an operator must mend. */
  | { readonly type: 'alarm'; readonly error: unknown };

/** Receives every {@link CacheEvent}. The cache swallows its errors, so that an observer never breaks a call. */
export type Observer = (event: CacheEvent) => void;
