import type { InvalidationMode } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';

/** The entries that a sweep is about, and how far it has come. */
export interface SweepRequest {
  readonly generation: string;
  readonly namespace: string;
  readonly matches: (id: EntryId) => boolean;
  readonly mode: InvalidationMode;
  /** Of the step before, in the same run of the server. Default: the first step. */
  readonly cursor?: string | undefined;
}

/** The outcome of one step of {@link RemoteTier.sweep}. */
export interface SweptStep {
  /** Records that were removed or expired. */
  readonly touched: number;
  /** Where the next step goes on. Without a cursor the sweep is done. */
  readonly cursor?: string | undefined;
}
