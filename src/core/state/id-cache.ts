import type { EntryId } from '../model/key.ts';

/** Ids that are remembered in all, and the longest key of which one is. */
const MOST_IDS = 10_000;

const LONGEST_KEY = 128;

/**
 * Bounds what the namespaces of a cache remember of their keys' ids. To join namespace and key, and hash what comes of it,
 * takes longer than the rest of a hit.
 */
export class KnownIds {
  readonly #spaces = new Set<Map<string, EntryId>>();
  #count = 0;

  /** @param ids Of one namespace, by key. Beyond the bound all namespaces begin anew. */
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
