import type { Entry } from '../model/entry.ts';
import type { CacheEvent } from '../model/events.ts';
import { type EntryId, fromId } from '../model/key.ts';
import type { LocalTier } from '../ports/local-tier.ts';

type Usage = ReturnType<LocalTier['usage']>;

const EMPTY: Pick<LocalTier, 'get'> = { get: () => undefined };

const NOTHING: Usage = { entries: 0, bytes: 0, evictions: 0 };

/**
 * Keeps an error of the L1 tier (a `sizeOf` that returns NaN, for instance) to the one entry that caused it. L1 does
 * not keep that entry, `onError` is told, and all other entries of the turn go on.
 *
 * An entry that could not be removed must never answer again. From then on L1 is empty to every reader until the tier
 * has been cleared.
 */
export class GuardedL1 {
  /**
   * The object that readers look entries up in: the tier itself, or an empty one. The hot path calls its `get`
   * directly, because this class would double the cost of a lookup. The caller then catches errors and passes them to
   * {@link failed}.
   */
  hits: Pick<LocalTier, 'get'>;
  readonly #tier: LocalTier;
  readonly #emit: (event: CacheEvent) => void;
  /** True when the tier may still hold an entry that was to be removed. */
  #isUnsure = false;

  constructor(tier: LocalTier, emit: (event: CacheEvent) => void) {
    this.hits = tier;
    this.#tier = tier;
    this.#emit = emit;
  }

  get(id: EntryId): Entry | undefined {
    try {
      return this.hits.get(id);
    } catch (error) {
      return this.failed(error, id);
    }
  }

  /** Reports a lookup that has thrown. It counts as a miss. */
  failed(error: unknown, id: EntryId): undefined {
    this.#report('get', error, id);
    return undefined;
  }

  /** Stores an entry. Returns false when the tier refused it; the tier then holds no entry of that id. */
  set(id: EntryId, entry: Entry): boolean {
    if (this.#isUnsure && !this.#begin()) return false;
    try {
      this.#tier.set(id, entry);
      return true;
    } catch (error) {
      this.#report('set', error, id);
      this.delete(id);
      return false;
    }
  }

  delete(id: EntryId): void {
    if (this.#isUnsure && this.#begin()) return;
    try {
      this.#tier.delete(id);
    } catch (error) {
      this.#report('delete', error, id);
      this.clear();
    }
  }

  clear(): void {
    this.#begin();
  }

  /**
   * Returns every id in the tier. A tier that throws is cleared, because entries that a pattern names would stay in it
   * otherwise.
   */
  ids(): readonly EntryId[] {
    if (this.#isUnsure && this.#begin()) return [];
    try {
      return [...this.#tier.ids()];
    } catch (error) {
      this.#report('ids', error);
      this.clear();
      return [];
    }
  }

  usage(): Usage {
    try {
      return this.#tier.usage();
    } catch (error) {
      this.#report('usage', error);
      return NOTHING;
    }
  }

  /** Clears the tier. Returns true when it is empty now. */
  #begin(): boolean {
    try {
      this.#tier.clear();
      this.#isUnsure = false;
      this.hits = this.#tier;
      return true;
    } catch (error) {
      this.#report('clear', error);
      this.#isUnsure = true;
      this.hits = EMPTY;
      return false;
    }
  }

  #report(operation: keyof LocalTier, error: unknown, id?: EntryId): void {
    const key = id === undefined ? undefined : fromId(id).key;
    this.#emit({ type: 'tier_failure', error, operation, tier: 'l1', key, background: false });
  }
}
