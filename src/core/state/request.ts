import type { GroupCounters } from '../model/counters.ts';
import type { EntryId } from '../model/key.ts';
import type { Loader, ResolvedOptions } from '../model/options.ts';
import type { Loaded } from '../tiers/loader.ts';
import type { Flight } from './flight.ts';
import type { RefillResult } from './refill-result.ts';

/** One read with all options resolved. The steps below apply no default and parse no option. */
export interface ReadRequest {
  /** The key as the caller wrote it, for the loader and for messages. */
  readonly key: string;
  readonly namespace: string;
  readonly id: EntryId;
  readonly loader: Loader<unknown>;
  readonly options: ResolvedOptions;
  /** The ids of the tags that are known before the load: those of the options and of the namespace. */
  readonly tagIds: readonly EntryId[];
  readonly counters: GroupCounters;
  /** The link to the other keys of a call for many. `undefined` for a read of one key. */
  readonly bulk?: BulkMember;
}

/** Connects one key of a call for many with the other keys. */
export interface BulkMember {
  /**
   * Removes the key from the shared load, because it waits for another flight or instance. The other keys load without
   * it.
   */
  dropOut(): void;
  /**
   * Loads the key together with all others that need a load, as soon as each key has been decided.
   * @param stale The value that the load replaces.
   */
  load(flight: Flight<RefillResult>, stale: { readonly value: unknown } | undefined): Promise<Loaded>;
  /** Refreshes the key in the background, together with the other keys whose refresh is due. */
  refresh(): void;
}

/** One `set` with all options resolved. */
export interface WriteRequest {
  readonly key: string;
  readonly id: EntryId;
  /** The value in the form that is encoded; see `Codec.written`. */
  readonly value: unknown;
  readonly options: ResolvedOptions;
  readonly tagIds: readonly EntryId[];
  readonly counters: GroupCounters;
}
