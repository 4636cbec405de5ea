import type { Clock } from '../primitives/clock.ts';
import type { InvalidationMode } from './invalidation.ts';
import type { EntryId } from './key.ts';

/**
 * The generation of one tag. It names in two parts the invalidations that made it. An entry whose recorded `hard`
 * differs from the tag's is gone; one whose `soft` differs is expired.
 *
 * The strings have the form `<epoch>:<number>` and are compared for equality. {@link numberOf} gives the only order
 * among them. A `soft` that an `expire` has made ends with `@` and the server's time in milliseconds. `staleIfError`
 * counts from that time.
 */
export interface TagGeneration {
  readonly hard: string;
  readonly soft: string;
}

/**
 * The generations that an instance remembers of tags, as of the last invalidation that it has seen. The instance has
 * missed none before.
 */
export interface KnownTags {
  readonly epoch: string;
  /** Number of that invalidation. */
  readonly sequence: number;
  /** In the order of the tags; `undefined` for a tag that the instance does not remember. */
  readonly generations: readonly (KnownTag | undefined)[];
}

/** A remembered generation, and the milliseconds for which L2 was still to keep it. */
export interface KnownTag extends TagGeneration {
  readonly keepFor: number;
}

/** The generations of tags as a flight has read them, or as this process knows them. */
export type Generations = Map<EntryId, TagGeneration>;

/** Enters the generations that were read of tags, in their order, into `into`. */
export function enter(tags: readonly EntryId[], read: readonly (TagGeneration | undefined)[], into: Generations): void {
  tags.forEach((tag, index) => {
    const generation = read[index];
    if (generation !== undefined) into.set(tag, generation);
  });
}

/** Stands in for a generation that is not known. It equals no real one, and L2 is not filled with it. */
export const NO_GENERATION: TagGeneration = { hard: '', soft: '' };

/**
 * The knowledge that this process has of one tag between two of its invalidations. Entries hold these objects by
 * reference. An invalidation changes one word, and every entry under the tag sees it on its next read, without an
 * index.
 */
export interface TagState {
  readonly tag: EntryId;
  /** `expired`: entries under it are stale. `gone`: they are misses. */
  status: 'current' | 'expired' | 'gone';
  /** Moment at which it became `expired`, in this process's time; `Infinity` before. */
  expiredAt: number;
  /** The tag's generation in L2. It is set by a read during which no message contradicted it. */
  generation: TagGeneration | undefined;
  /** Until this moment {@link generation} is used without being read again. */
  knownUntil: number;
  /**
   * L2 keeps the generation at least until this moment. An entry that is of use for longer needs L2 to keep it longer.
   */
  keptUntil: number;
  /** Moment at which {@link generation} was last read. */
  readAt: number;
  /** The first use after this moment touches the generation in L2. */
  touchAt: number;
}

/**
 * Time between two touches of a tag in L2 by its users. A server that is short of memory first drops the keys that were
 * not used for longest.
 */
const TOUCH_EVERY_MS = 10_000;

/** The number of an invalidation, and the epoch in which it was given. */
export interface InvalidationId {
  readonly epoch: string;
  readonly sequence: number;
}

/** Most tags that a process knows. It treats the entries of a forgotten tag as invalidated. */
const MAX_KNOWN_TAGS = 100_000;

/** The tags of all entries of this process. */
export class TagRegistry {
  readonly #known = new Map<EntryId, TagState>();
  /**
   * The latest expired state of each tag. Its entries may still serve `staleIfError`, until a `delete` ends that too.
   */
  readonly #expired = new Map<EntryId, TagState>();
  /** Tags that were used and are still to be touched in L2. */
  readonly #due = new Set<TagState>();
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #touchEveryMs: number;

  constructor(clock: Clock, limit = MAX_KNOWN_TAGS, touchEveryMs = TOUCH_EVERY_MS) {
    this.#clock = clock;
    this.#limit = limit;
    this.#touchEveryMs = touchEveryMs;
  }

  get size(): number {
    return this.#known.size;
  }

  /** Returns the tag's present state, and makes one if there is none. */
  obtain(tag: EntryId): TagState {
    const known = this.#known.get(tag);
    if (known !== undefined) {
      // The tag moves to the end, so the first in the map is the one obtained longest ago. That order matters only when
      // a tag may soon be forgotten. Before, every read would pay for it in vain.
      if (this.#known.size > this.#limit / 2) {
        this.#known.delete(tag);
        this.#known.set(tag, known);
      }
      return known;
    }
    const state: TagState = {
      tag,
      status: 'current',
      expiredAt: Infinity,
      generation: undefined,
      knownUntil: 0,
      keptUntil: Number.NEGATIVE_INFINITY,
      readAt: Number.NEGATIVE_INFINITY,
      touchAt: Infinity,
    };
    this.#known.set(tag, state);
    if (this.#known.size > this.#limit) this.#forgetOldest();
    return state;
  }

  /** Returns the tag's generation if it is known. The caller may trust it only while this instance is proven. */
  peek(tag: EntryId, now: number): TagGeneration | undefined {
    const state = this.#known.get(tag);
    if (state === undefined || now >= state.knownUntil) return undefined;
    if (now >= state.touchAt) this.#touch(state, now);
    return state.generation;
  }

  /**
   * Returns the remembered state of a tag, also when it must be read again. The caller may trust it only while this
   * instance is proven.
   */
  recollect(tag: EntryId): TagState | undefined {
    return this.#known.get(tag);
  }

  /** Takes at most `most` tags that were used and are to be touched in L2. */
  takeDue(most: number): TagState[] {
    const taken: TagState[] = [];
    for (const state of this.#due) {
      if (taken.length === most) break;
      this.#due.delete(state);
      if (state.status === 'current') taken.push(state);
    }
    return taken;
  }

  #touch(state: TagState, now: number): void {
    state.touchAt = now + this.#touchEveryMs;
    this.#due.add(state);
  }

  /**
   * Records the generation that a read of L2 gave for a tag, and the time for which it holds. If another one was known,
   * a message with the change is still on its way. Entries made under the old generation end now.
   */
  learn(state: TagState, generation: TagGeneration, knownUntil: number, keptUntil = knownUntil): void {
    const now = this.#clock.now();
    state.readAt = now;
    state.touchAt = now + this.#touchEveryMs;
    state.knownUntil = knownUntil;
    state.keptUntil = Math.max(state.keptUntil, keptUntil);
    if (state.generation === undefined) state.generation = generation;
    else if (state.generation.hard !== generation.hard) this.#end(state, 'gone');
    else if (state.generation.soft !== generation.soft) this.#end(state, 'expired');
  }

  /**
   * Applies an invalidation of the tag.
   * @param id Its number, where it is known.
   * @returns True when it changes anything. False when the known generation comes from this invalidation or a later
   *   one.
   */
  invalidate(tag: EntryId, mode: InvalidationMode, id?: InvalidationId): boolean {
    // A `delete` also ends entries that were only expired before, whatever generation is known.
    if (mode === 'delete') this.#forgetExpired(tag);
    const state = this.#known.get(tag);
    if (state?.generation !== undefined && id !== undefined) {
      const { hard, soft } = state.generation;
      if (isAtOrAfter(mode === 'delete' ? hard : soft, id)) return false;
    }
    if (state !== undefined) this.#end(state, mode === 'delete' ? 'gone' : 'expired');
    return true;
  }

  /** Forgets all tags and ends the entries under them. */
  clear(): void {
    for (const state of [...this.#known.values(), ...this.#expired.values()]) state.status = 'gone';
    this.#known.clear();
    this.#expired.clear();
    this.#due.clear();
  }

  #end(state: TagState, status: 'expired' | 'gone'): void {
    state.status = status;
    this.#known.delete(state.tag);
    if (status === 'gone') return;
    state.expiredAt = this.#clock.now();
    // The registry remembers one expired state a tag. A `delete` would not find an earlier one, so that one ends now.
    this.#forgetExpired(state.tag);
    this.#expired.set(state.tag, state);
    if (this.#expired.size > this.#limit) this.#forgetExpired(firstKey(this.#expired));
  }

  #forgetExpired(tag: EntryId | undefined): void {
    if (tag === undefined) return;
    const state = this.#expired.get(tag);
    if (state !== undefined) state.status = 'gone';
    this.#expired.delete(tag);
  }

  #forgetOldest(): void {
    const oldest = this.#known.get(firstKey(this.#known) ?? '');
    if (oldest !== undefined) this.#end(oldest, 'gone');
  }
}

function firstKey(map: ReadonlyMap<EntryId, unknown>): EntryId | undefined {
  for (const key of map.keys()) return key;
  return undefined;
}

/** Returns true when that invalidation, or a later one of the same epoch, made the generation. */
function isAtOrAfter(generation: string, { epoch, sequence }: InvalidationId): boolean {
  return (numberIn(generation, epoch) ?? Number.NEGATIVE_INFINITY) >= sequence;
}

/** Returns the number of a generation of this epoch; `undefined` when it is of another one. */
function numberIn(generation: string, epoch: string): number | undefined {
  if (!generation.startsWith(`${epoch}:`)) return undefined;
  const end = generation.indexOf('@', epoch.length);
  return Number(generation.slice(epoch.length + 1, end === -1 ? undefined : end));
}

/**
 * Returns the moment of the `expire` that made this `soft`, in milliseconds of the server's clock; `undefined` when no
 * `expire` made it.
 */
export function expiredBy({ soft }: TagGeneration): number | undefined {
  const at = soft.indexOf('@');
  const time = at === -1 ? Number.NaN : Number(soft.slice(at + 1));
  return Number.isFinite(time) ? time : undefined;
}

/** Returns the number of the last invalidation that a generation knows of; `Infinity` when it is of another epoch. */
export function numberOf({ hard, soft }: TagGeneration, epoch: string): number {
  return Math.max(numberIn(hard, epoch) ?? Infinity, numberIn(soft, epoch) ?? Infinity);
}
