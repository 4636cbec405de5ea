import { namesEverything, type Targets } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';

/** The last invalidation that concerned an entry. */
export interface RecentInvalidation {
  /** Milliseconds since then. */
  readonly ago: number;
  readonly by: 'key' | 'tag' | 'all';
  readonly origin: 'here' | 'elsewhere';
}

interface Note {
  readonly at: number;
  readonly by: 'key' | 'tag';
  readonly origin: 'here' | 'elsewhere';
}

const MAX_NAMES = 1_000;

/**
 * Remembers the latest invalidations, so that `inspect` can tell when and by which name an entry ended. The oldest go
 * first.
 */
export class RecentInvalidations {
  readonly #now: () => number;
  /** The notes by kind and id, because a key and a tag may have the same name. */
  readonly #names = new Map<string, Note>();
  #all: { at: number; origin: 'here' | 'elsewhere' } | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(targets: Targets, origin: 'here' | 'elsewhere'): void {
    const at = this.#now();
    if (namesEverything(targets)) {
      // The tag that names everything is not a tag of the user.
      this.#all = { at, origin };
      return;
    }
    for (const id of targets.ids) this.#put(id, { at, by: 'key', origin });
    for (const tag of targets.tags) this.#put(tag, { at, by: 'tag', origin });
  }

  /** Returns the latest invalidation of the key, of one of the tags, or of everything. */
  latest(id: EntryId, tags: readonly EntryId[]): RecentInvalidation | undefined {
    const named = [`key ${id}`, ...tags.map((tag) => `tag ${tag}`)].flatMap((name) => this.#names.get(name) ?? []);
    const all = this.#all === undefined ? [] : [{ ...this.#all, by: 'all' as const }];
    const latest = [...named, ...all].sort((one, other) => other.at - one.at)[0];
    return latest && { ago: this.#now() - latest.at, by: latest.by, origin: latest.origin };
  }

  #put(id: EntryId, invalidation: Note): void {
    const name = `${invalidation.by} ${id}`;
    this.#names.delete(name);
    this.#names.set(name, invalidation);
    if (this.#names.size <= MAX_NAMES) return;
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest);
      return;
    }
  }
}
