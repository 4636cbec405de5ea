import type { BreakerStateName } from '../primitives/circuit-breaker.ts';
import type { TierFailure, TierName } from './errors.ts';
import type { Targets } from './invalidation.ts';
import type { Lookup } from './lookup.ts';

/**
 * What happened, in the order in which it happened. Logs, traces and counters are all made from these.
 * Keys are logical; a consumer that prints them above debug level prints their group.
 */
export type CacheEvent =
  /** A lookup that was not a plain L1 hit has its answer. (L1 hits are only counted.) */
  | { readonly type: 'lookup'; readonly key: string; readonly lookup: Lookup<unknown> }
  /** A lookup ended without an answer. */
  | { readonly type: 'lookup_failed'; readonly key: string; readonly error: unknown }
  /**
   * A loader has ended. `background`: nobody waited for it. `givenUp`: its callers have left, or the cache was closed, and its
   * error is the reason of that; it says nothing of the source.
   */
  | {
      readonly type: 'load';
      readonly key: string;
      readonly durationMs: number;
      readonly background: boolean;
      readonly error?: unknown;
      readonly givenUp?: boolean;
    }
  /** A tier failed; no caller was rejected for it. */
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
  /** L2 stopped, or began, to be used for reads. */
  | { readonly type: 'l2_down'; readonly reason: string }
  | { readonly type: 'l2_up'; readonly downMs: number }
  /**
   * L2 has dropped keys to make room, since its last look. `groups`: how many of which key group, the greatest twenty, as
   * far as it is told of them; `count` is of all keys, other applications' included.
   */
  | { readonly type: 'eviction'; readonly count: number; readonly groups: Readonly<Record<string, number>> }
  | { readonly type: 'invalidated'; readonly targets: Targets; readonly origin: 'here' | 'elsewhere' }
  /** L2 or, with `outbox`, the outbox could not be told of an invalidation. The counts are of all that is owed. */
  | {
      readonly type: 'invalidation_pending';
      readonly keys: number;
      readonly tags: number;
      readonly all: boolean;
      readonly outbox: boolean;
    }
  | { readonly type: 'invalidation_delivered' }
  /** A message on the bus was not the expected one: at least one was lost. */
  | { readonly type: 'bus_gap'; readonly expected: number | undefined; readonly got: number }
  | { readonly type: 'bus_resync' }
  | { readonly type: 'bus_malformed'; readonly reason: string }
  | { readonly type: 'epoch_changed'; readonly from: string | undefined; readonly to: string }
  /** L1 stopped, or began, to answer: this instance cannot, or can, show that it missed no invalidation. */
  | { readonly type: 'l1_suspended' }
  | { readonly type: 'l1_resumed' }
  /** Said once: without a bus, L1 of other instances is bounded by its TTL alone. */
  | { readonly type: 'no_bus' }
  /** Something an operator must mend. */
  | { readonly type: 'alarm'; readonly error: unknown };

/** Told of every {@link CacheEvent}; what it throws is swallowed, so that watching never breaks what is watched. */
export type Observer = (event: CacheEvent) => void;
