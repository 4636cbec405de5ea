import { type EntryId, fromId, groupOf } from './key.ts';

/** Groups that are told of. */
const MOST_TOLD = 20;
/** Groups that are kept apart between two tellings; the keys of further ones are counted together. */
const MOST_KEPT = 200;
const OVERFLOW = 'other';

/** Counts entries by the group of their key. What it keeps is bounded however keys are made, and however many there are. */
export class EvictedGroups {
  readonly #counts = new Map<string, number>();
  #noted = 0;

  /** How many were noted since the last {@link take}. */
  get noted(): number {
    return this.#noted;
  }

  note(id: EntryId): void {
    this.#noted += 1;
    const group = groupOf(fromId(id).key);
    const isKept = this.#counts.has(group) || this.#counts.size < MOST_KEPT;
    const name = isKept ? group : OVERFLOW;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** The groups with the most, and begins anew. */
  take(): Readonly<Record<string, number>> {
    const most = [...this.#counts].sort(([, one], [, other]) => other - one).slice(0, MOST_TOLD);
    this.#counts.clear();
    this.#noted = 0;
    // Defines each name anew, `__proto__` included.
    return Object.fromEntries(most);
  }
}
