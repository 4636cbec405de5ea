import type { InvalidationMode } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';

/** One step of a sweep: the entries to look at, and the place that the sweep has reached. */
export interface SweepRequest {
  readonly generation: string;
  readonly namespace: string;
  readonly matches: (id: EntryId) => boolean;
  readonly mode: InvalidationMode;
  /** The cursor of the step before, in the same run of the server. Default: the first step. */
  readonly cursor?: string | undefined;
}

/** The outcome of one step of {@link RemoteTier.sweep}. */
export interface SweptStep {
  /** Records that were removed or expired. */
  readonly touched: number;
  /** The place where the next step goes on. Without a cursor the sweep is done. */
  readonly cursor?: string | undefined;
}
