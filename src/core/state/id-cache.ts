import type { EntryId } from '../model/key.ts';

/** The number of ids that one cache remembers, and the longest key whose id is remembered. */
const MOST_IDS = 10_000;

const LONGEST_KEY = 128;

/**
 * Bounds the ids that the namespaces of a cache remember. Computing an id (joining namespace and key, then hashing)
 * takes longer than the rest of an L1 hit.
 */
export class KnownIds {
  readonly #spaces = new Set<Map<string, EntryId>>();
  #count = 0;

  /**
   * Remembers the id of a key. Beyond the bound all namespaces forget their ids.
   * @param ids The ids of one namespace, by key.
   */
  remember(ids: Map<string, EntryId>, key: string, id: EntryId): void {
    if (key.length > LONGEST_KEY) return;
    if (this.#count >= MOST_IDS) this.#forget();
    this.#spaces.add(ids);
    ids.set(key, id);
    this.#count += 1;
  }

  #forget(): void {
    for (const ids of this.#spaces) ids.clear();
    this.#spaces.clear();
    this.#count = 0;
  }
}
