import type { GroupCounters } from '../model/counters.ts';
import type { EntryId } from '../model/key.ts';
import type { Loader, ResolvedOptions } from '../model/options.ts';
import type { Loaded } from '../tiers/loader.ts';
import type { Flight } from './flight.ts';
import type { RefillResult } from './refill-result.ts';

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
  readonly bulk?: BulkMember;
}

/** The part that one key has in a call for many: what they do together. */
export interface BulkMember {
  /** The key waits for somebody else: the load of the others does not wait for it. */
  dropOut(): void;
  /**
   * Loads the key with all others that have to be loaded, as soon as that is known of each.
   * @param stale The value that the load replaces.
   */
  load(flight: Flight<RefillResult>, stale: { readonly value: unknown } | undefined): Promise<Loaded>;
  /** Refreshes the key behind the answer, together with the others of which that is due. */
  refresh(): void;
}

/** One `set`, resolved. */
export interface WriteRequest {
  readonly key: string;
  readonly id: EntryId;
  /** As it is to be encoded; see `Codec.written`. */
  readonly value: unknown;
  readonly options: ResolvedOptions;
  readonly tagIds: readonly EntryId[];
  readonly counters: GroupCounters;
}
