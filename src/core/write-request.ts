import type { GroupCounters } from './counters.ts';
import type { EntryId } from './key.ts';
import type { ResolvedOptions } from './options.ts';

/** One `set`, resolved. */
export interface WriteRequest {
  readonly key: string;
  readonly id: EntryId;
  readonly value: unknown;
  readonly options: ResolvedOptions;
  readonly tagIds: readonly EntryId[];
  readonly counters: GroupCounters;
}
