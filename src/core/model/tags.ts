import type { Clock } from '../primitives/clock.ts';
import type { InvalidationMode } from './invalidation.ts';
import type { EntryId } from './key.ts';

/**
 * The generation of one tag: the id of the invalidation that made it, in two parts.
 * An entry whose recorded `hard` differs from the tag's is gone; one whose `soft` differs is expired.
 * The strings have the form `<epoch>:<number>` and are compared for equality; {@link numberOf} gives the one order among them.
 * A `soft` that an `expire` has made ends with `@` and the server's time in milliseconds, from which `staleIfError` counts.
 */
export interface TagGeneration {
  readonly hard: string;
  readonly soft: string;
}

/** What an instance that has missed nothing remembers of tags, as of the last invalidation that it has seen. */
export interface KnownTags {
  readonly epoch: string;
  /** Number of that invalidation. */
  readonly sequence: number;
  /** In the order of the tags; `undefined` where nothing is remembered. */
  readonly generations: readonly (KnownTag | undefined)[];
}

/** A remembered generation, and for how many milliseconds more L2 was to keep it. */
export interface KnownTag extends TagGeneration {
  readonly keepFor: number;
}

/** The generations of tags as a flight has read them, or as this process knows them. */
export type Generations = Map<EntryId, TagGeneration>;

/** Puts what was read of tags, in their order, into `into`. */
export function enter(tags: readonly EntryId[], read: readonly (TagGeneration | undefined)[], into: Generations): void {
  tags.forEach((tag, index) => {
    const generation = read[index];
    if (generation !== undefined) into.set(tag, generation);
  });
}

/** Stands in for one that is not known. It equals no real one, and L2 is not filled with it. */
export const NO_GENERATION: TagGeneration = { hard: '', soft: '' };

/**
 * What this process knows of one tag between two of its invalidations. Entries hold these objects by reference, so an
 * invalidation changes one word and every entry under the tag sees it on its next read, without an index.
 */
export interface TagState {
  readonly tag: EntryId;
  /** `expired`: entries under it are stale. `gone`: they are misses. */
  status: 'current' | 'expired' | 'gone';
  /** When it became `expired`, in this process's time; `Infinity` before. */
  expiredAt: number;
  /** The tag's generation in L2, once it has been read while no message spoke against it. */
  generation: TagGeneration | undefined;
  /** Up to here {@link generation} is used without being read again. */
  knownUntil: number;
  /** L2 keeps the generation at least up to here: what is of use for longer needs it to be kept for longer. */
  keptUntil: number;
  /** When {@link generation} was last read. */
  readAt: number;
  /** The next use from here on touches the generation in L2. */
  touchAt: number;
}

/** An entry's use of a tag shows in L2 this often: a server that is short of memory drops first what is used least lately. */
const TOUCH_EVERY_MS = 10_000;

/** The number of an invalidation, and the epoch in which it was given. */
export interface InvalidationId {
  readonly epoch: string;
  readonly sequence: number;
}

/** Known tags are bounded; a tag that is forgotten is as good as invalidated. */
const MAX_KNOWN_TAGS = 100_000;

/** The tags of all entries of this process. */
export class TagRegistry {
  readonly #known = new Map<EntryId, TagState>();
  /** The latest expired state of a tag: its entries may still serve `staleIfError`, until a `delete` ends that too. */
  readonly #expired = new Map<EntryId, TagState>();
  /** Used, and to be touched in L2. */
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

  /** The tag's present state, made now if there is none. */
  obtain(tag: EntryId): TagState {
    const known = this.#known.get(tag);
    if (known !== undefined) {
      // Moved to the end: the first in the map is the one obtained longest ago. While none is about to be forgotten, the
      // order is of no use to anybody, and every read would pay for it.
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

  /** The tag's generation if it is known. Only to be believed while this instance is proven. */
  peek(tag: EntryId, now: number): TagGeneration | undefined {
    const state = this.#known.get(tag);
    if (state === undefined || now >= state.knownUntil) return undefined;
    if (now >= state.touchAt) this.#touch(state, now);
    return state.generation;
  }

  /** What is remembered of a tag, also when it must be read again. Only to be believed while this instance is proven. */
  recollect(tag: EntryId): TagState | undefined {
    return this.#known.get(tag);
  }

  /** Takes up to so many tags that were used and are to be touched in L2. */
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
   * What a read of L2 said of a tag, and how long that may be relied on. If something else was known, a message is on its way that will say so too:
   * entries made under the old generation stop now.
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
   * An invalidation of the tag took place.
   * @param id Its number, where it is known.
   * @returns whether it was news: not when the generation known here is that of this very invalidation or a later one.
   */
  invalidate(tag: EntryId, mode: InvalidationMode, id?: InvalidationId): boolean {
    // Whatever else is known, what was only expired before is gone now.
    if (mode === 'delete') this.#forgetExpired(tag);
    const state = this.#known.get(tag);
    if (state?.generation !== undefined && id !== undefined) {
      const { hard, soft } = state.generation;
      if (isAtOrAfter(mode === 'delete' ? hard : soft, id)) return false;
    }
    if (state !== undefined) this.#end(state, mode === 'delete' ? 'gone' : 'expired');
    return true;
  }

  /** Nothing is known any more. */
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
    // One expired state a tag is remembered; what was expired before that is not found again by a `delete`.
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

/** Whether a generation was made by that invalidation or by one after it in the same epoch. */
function isAtOrAfter(generation: string, { epoch, sequence }: InvalidationId): boolean {
  return (numberIn(generation, epoch) ?? Number.NEGATIVE_INFINITY) >= sequence;
}

/** The number of a generation of this epoch; `undefined` when it is of another one. */
function numberIn(generation: string, epoch: string): number | undefined {
  if (!generation.startsWith(`${epoch}:`)) return undefined;
  const end = generation.indexOf('@', epoch.length);
  return Number(generation.slice(epoch.length + 1, end === -1 ? undefined : end));
}

/** When an `expire` made this `soft`, in milliseconds of the server's clock; `undefined` where it was made otherwise. */
export function expiredBy({ soft }: TagGeneration): number | undefined {
  const at = soft.indexOf('@');
  const time = at === -1 ? Number.NaN : Number(soft.slice(at + 1));
  return Number.isFinite(time) ? time : undefined;
}

/** The number of the invalidation that a generation is as new as; `Infinity` where it is of another epoch. */
export function numberOf({ hard, soft }: TagGeneration, epoch: string): number {
  return Math.max(numberIn(hard, epoch) ?? Infinity, numberIn(soft, epoch) ?? Infinity);
}
