import type { Entry } from '../model/entry.ts';
import type { EntryId } from '../model/key.ts';

/**
 * L1: a store inside this process. It is synchronous, and it alone decides which entries to evict. An error concerns
 * the one entry: a `get` that throws is a miss, and an entry that `set` refuses is not kept. After a `delete` or
 * `clear` that throws, the cache reads nothing from the store until a `clear` has succeeded.
 */
export interface LocalTier {
  get(id: EntryId): Entry | undefined;
  set(id: EntryId, entry: Entry): void;
  delete(id: EntryId): void;
  clear(): void;
  /** Every id in the store, in any order. Only an invalidation by pattern walks it. */
  ids(): Iterable<EntryId>;
  /** Returns the entries and their estimated bytes at this moment, and the evictions until now. */
  usage(): { entries: number; bytes: number; evictions: number };
}
