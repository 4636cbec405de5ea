import type { Entry } from '../model/entry.ts';
import type { CacheEvent } from '../model/events.ts';
import { type EntryId, fromId } from '../model/key.ts';
import type { LocalTier } from '../ports/local-tier.ts';

type Usage = ReturnType<LocalTier['usage']>;

const EMPTY: Pick<LocalTier, 'get'> = { get: () => undefined };

const NOTHING: Usage = { entries: 0, bytes: 0, evictions: 0 };

/**
 * L1 behind a barrier: what the tier throws (a `sizeOf` that gives NaN, for instance) concerns the one entry that it was
 * thrown for. That entry is not kept, `onError` is told, and all others of the same turn go on.
 *
 * An entry that could not be removed must never answer again. From then on L1 is empty to every reader, until the tier has
 * been cleared.
 */
export class GuardedL1 {
  /**
   * Where entries are looked for: the tier itself, or one that is empty. On the hot path its `get` is called without this
   * barrier, whose call would cost as much as the look; the caller catches what it throws, and tells {@link failed}.
   */
  hits: Pick<LocalTier, 'get'>;
  readonly #tier: LocalTier;
  readonly #emit: (event: CacheEvent) => void;
  /** The tier may hold what was to be removed. */
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

  /** A look that has thrown is a miss. */
  failed(error: unknown, id: EntryId): undefined {
    this.#report('get', error, id);
    return undefined;
  }

  /** Answers whether the tier has taken the entry. If it has not, it holds none of that id. */
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

  /** Every id in the tier. A tier that cannot say is cleared: what a pattern names would stay in it. */
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

  /** Clears the tier. Answers whether it holds nothing now. */
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
