import type { EntryId } from '../model/key.ts';

/**
 * The names that the log keeps when it drops the oldest. A flight that outlives more of them counts every tag as ended.
 */
const MOST_NAMES = 1_000;

/**
 * The log of invalidated tags, in the order of their invalidations. All flights share one log. Each flight remembers
 * the place where the log stood when it began. An invalidation therefore visits no flight, and costs the same with any
 * number of them.
 */
export class EndedTags {
  /** The last place of each name in the log. */
  readonly #last = new Map<EntryId, number>();
  /** The names of the log, beginning at the place {@link #first}. */
  #names: EntryId[] = [];
  #first = 0;

  /** The place that the next name will take. A caller compares with it later. */
  get end(): number {
    return this.#first + this.#names.length;
  }

  /** Appends tags that are invalidated now. When the log is too long, the oldest names go. */
  add(tags: readonly EntryId[]): void {
    if (tags.length > MOST_NAMES) {
      this.#forgetUpTo(this.end + tags.length);
      return;
    }
    for (const tag of tags) {
      this.#last.set(tag, this.end);
      this.#names.push(tag);
    }
    if (this.#names.length > 2 * MOST_NAMES) this.#dropOldest(this.#names.length - MOST_NAMES);
  }

  /**
   * True when the tag was invalidated at or after the place `from`, and before `until`. Every tag counts as invalidated
   * when the log no longer reaches back to `from`.
   */
  has(tag: EntryId, from: number, until = this.end): boolean {
    if (from >= until) return false;
    if (from < this.#first) return true;
    const last = this.#last.get(tag);
    if (last === undefined || last < from) return false;
    return last < until || this.#names.slice(from - this.#first, until - this.#first).includes(tag);
  }

  #forgetUpTo(place: number): void {
    this.#last.clear();
    this.#names = [];
    this.#first = place;
  }

  #dropOldest(count: number): void {
    this.#first += count;
    for (const tag of this.#names.splice(0, count))
      if ((this.#last.get(tag) ?? this.end) < this.#first) this.#last.delete(tag);
  }
}
