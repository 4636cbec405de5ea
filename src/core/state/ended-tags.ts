import type { EntryId } from '../model/key.ts';

/** Names that are remembered. A flight that has seen more than these go by is better repeated than remembered for. */
const MOST_NAMES = 1_000;

/**
 * The tags that were invalidated while flights are under way, in that order: one log for all flights. Each flight remembers
 * where the log stood when it began, so an invalidation costs the same however many flights there are.
 */
export class EndedTags {
  /** Of each name in the log, at which place it stands last. */
  readonly #last = new Map<EntryId, number>();
  /** The names of the log, from the place {@link #first} on. */
  #names: EntryId[] = [];
  #first = 0;

  /** The place of the next name: a moment to compare with. */
  get end(): number {
    return this.#first + this.#names.length;
  }

  /** Takes note of tags that are invalidated now. The oldest names go when there are too many. */
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
   * Whether the tag was invalidated at or after the place `from`, and before `until`. Every tag counts as invalidated where
   * the log does not reach back to `from`.
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
