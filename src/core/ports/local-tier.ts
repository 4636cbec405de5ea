import type { Entry } from '../model/entry.ts';
import type { EntryId } from '../model/key.ts';

/**
 * L1: a store inside this process. Synchronous; it decides alone what to evict. What a method throws concerns its own entry:
 * `get` is a miss then, and what `set` refuses is not kept. After a `delete` or `clear` that throws, nothing is read from it
 * until a `clear` has succeeded.
 */
export interface LocalTier {
  get(id: EntryId): Entry | undefined;
  set(id: EntryId, entry: Entry): void;
  delete(id: EntryId): void;
  clear(): void;
  /** Every id in the store, in any order; only invalidation by pattern walks it. */
  ids(): Iterable<EntryId>;
  /** Entries and their estimated bytes at this moment. */
  usage(): { entries: number; bytes: number; evictions: number };
}
