import type { EntryId } from './key.ts';
import type { TagState } from './tags.ts';

/** Beyond this many, all tags count as ended: a flight that long is better repeated than remembered. */
const MAX_ENDED_TAGS = 1_000;

/** The tags that were invalidated while a flight was under way, in that order. */
export class EndedTags {
  #names: EntryId[] = [];
  #isOverfull = false;

  /** How many there are by now; a moment to compare with. */
  get count(): number {
    return this.#names.length;
  }

  add(tags: readonly EntryId[]): void {
    if (this.#names.length + tags.length > MAX_ENDED_TAGS) this.#isOverfull = true;
    else this.#names.push(...tags);
  }

  /** Whether one of the tags is among those that had ended at that moment; now, by default. */
  hasAny(tags: readonly (EntryId | Pick<TagState, 'tag'>)[], count = this.#names.length): boolean {
    if (this.#isOverfull) return true;
    if (count === 0) return false;
    const ended = new Set(this.#names.slice(0, count));
    return tags.some((tag) => ended.has(typeof tag === 'string' ? tag : tag.tag));
  }
}
