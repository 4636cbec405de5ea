import type { Batch } from './batch.ts';
import type { GroupCounters } from './counters.ts';
import type { EntryId } from './key.ts';
import type { Loader, ResolvedOptions } from './options.ts';

/** One read, resolved: nothing below applies a default or parses an option again. */
export interface ReadRequest {
  /** As the user wrote it, for the loader and for messages. */
  readonly key: string;
  readonly namespace: string;
  readonly id: EntryId;
  readonly loader: Loader<unknown>;
  readonly options: ResolvedOptions;
  /** Ids of the tags that are known before the load: those of the options and of the namespace. */
  readonly tagIds: readonly EntryId[];
  readonly counters: GroupCounters;
  /** What it shares with the other keys of one call; `undefined` for a read of one key. */
  readonly batch?: Batch;
}
