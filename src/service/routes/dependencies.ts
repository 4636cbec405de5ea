import type { LookupCache } from '../../adapters/elysia/index.ts';
import type { Sql, Transaction } from '../../catalog/sql.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import type { Invalidates } from '../../resources/mutation.ts';
import type { Popularity } from '../../resources/warming.ts';
import type { Access } from '../auth/access-control.ts';
import type { AnswerTimes } from '../http/response-times.ts';
import type { L1Timing } from './l1-read-time.ts';
import type { NewKeys } from './new-keys.ts';
import type { WriteLimit } from './write-limit.ts';

/** The part of the cache that the routes of resources use. */
export interface ResourceCache extends LookupCache {
  /** Returns the answer that L1 has, without waiting. */
  peekLookup(key: string): Lookup<unknown> | undefined;
  /**
   * Invalidates entries. Rejects with `InvalidationPendingError` when the invalidation did not reach L2 yet.
   * @param options `outbox` is the ticket of {@link Claims}.
   */
  invalidate(targets: Invalidates, options: { readonly outbox: string }): Promise<unknown>;
}

/** The outbox into which the triggers write the invalidations of a transaction. */
export interface Claims {
  /**
   * Claims the outbox rows of this transaction for its writer. The relay leaves them alone for a moment. The writer names
   * the returned ticket when it invalidates.
   */
  claim(transaction: Transaction): Promise<string>;
}

/** Counts the reads of each row, so that the warm-up knows the most read ones. */
export interface Counting {
  of(popularity: Popularity): { add(row: number): void };
}

/** The collaborators that the routes of resources share. */
export interface Services {
  readonly cache: ResourceCache;
  readonly sql: Sql;
  readonly outbox: Claims;
  readonly access: Access;
  readonly writes: WriteLimit;
  readonly newKeys: NewKeys;
  readonly accessCounts: Counting;
  readonly l1Timing: L1Timing;
  /** Records the durations of the answers of data routes. */
  readonly answers: AnswerTimes;
  /**
   * True when every read goes to the source and answers have no headers of the cache. Writes still invalidate, because other
   * instances may cache.
   */
  readonly cacheDisabled: boolean;
  /** TTLs in milliseconds by group, where the configuration overrides a resource's TTL. */
  readonly ttlMs: Readonly<Record<string, number>>;
}
