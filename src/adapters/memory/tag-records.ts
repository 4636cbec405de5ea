import type { InvalidationMode } from '../../core/model/invalidation.ts';
import type { KnownTag, TagGeneration } from '../../core/model/tags.ts';
import type { Contents } from './contents.ts';

/** Reads and moves the generations of tags in a server's contents, by physical key. */
export class TagRecords {
  readonly #contents: Contents;

  constructor(contents: Contents) {
    this.#contents = contents;
  }

  has(key: string): boolean {
    return this.#contents.tags.get(key) !== undefined;
  }

  /**
   * Returns the generation of a tag and keeps it for longer. A missing one is made of `known`, or of the id of the last
   * invalidation.
   */
  obtain(key: string, id: string, keepFor: number, known: KnownTag | undefined): TagGeneration {
    const present = this.#contents.tags.get(key);
    if (present !== undefined || known === undefined)
      return this.#keep(key, present ?? { hard: id, soft: id }, keepFor);
    const { hard, soft } = known;
    return this.#keep(key, { hard, soft }, Math.max(keepFor, known.keepFor));
  }

  /** Moves the generation of a tag that the invalidation of this id has named. A missing generation stays missing. */
  move(key: string, mode: InvalidationMode, id: string, time: number): void {
    const present = this.#contents.tags.get(key);
    if (present === undefined) return;
    const soft = `${id}@${Math.floor(time)}`;
    this.#keep(key, mode === 'expire' ? { hard: present.hard, soft } : { hard: id, soft: id }, 0);
  }

  #keep(key: string, generation: TagGeneration, keepFor: number): TagGeneration {
    this.#contents.tags.set(key, generation, Math.max(keepFor, this.#contents.tags.remaining(key) ?? 0));
    return generation;
  }
}
