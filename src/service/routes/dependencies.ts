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

/** What resources need of the cache. */
export interface ResourceCache extends LookupCache {
  /** What L1 can answer at once. */
  peekLookup(key: string): Lookup<unknown> | undefined;
  /** Rejects with `InvalidationPendingError` when L2 could not be told yet. `outbox`: the ticket of {@link Claims}. */
  invalidate(targets: Invalidates, options: { readonly outbox: string }): Promise<unknown>;
}

/** Where the triggers write down what a transaction makes untrue. */
export interface Claims {
  /** The rows of this transaction are left to its writer for a moment, who names the ticket when it invalidates. */
  claim(transaction: Transaction): Promise<string>;
}

/** Where it is counted what is read most. */
export interface Counting {
  of(popularity: Popularity): { add(row: number): void };
}

/** What the routes of resources share. */
export interface Services {
  readonly cache: ResourceCache;
  readonly sql: Sql;
  readonly outbox: Claims;
  readonly access: Access;
  readonly writes: WriteLimit;
  readonly newKeys: NewKeys;
  readonly accessCounts: Counting;
  readonly l1Timing: L1Timing;
  /** How long the answers of data routes take. */
  readonly answers: AnswerTimes;
  /** Every read goes to the source, and answers carry nothing of a cache. Writes invalidate all the same, for others. */
  readonly cacheDisabled: boolean;
  /** Milliseconds by group, where the configuration overrides a resource's TTL. */
  readonly ttlMs: Readonly<Record<string, number>>;
}
