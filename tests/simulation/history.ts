import type { TierName } from '../../src/index.ts';

/** What the loader returns in the simulation: which row it is, and how often it was committed. */
export interface Row {
  readonly key: string;
  readonly version: number;
  /** When the database gave it out, in virtual time. */
  readonly loadedAt: number;
}

/** A read that was answered. */
export interface ReadRecord {
  readonly kind: 'read';
  /** The process; one that has crashed and its successor are two. */
  readonly instance: string;
  readonly key: string;
  /** 0 for a row that is absent. */
  readonly version: number;
  /** The row that was handed out; `undefined` for an absent one. */
  readonly row: Row | undefined;
  readonly start: number;
  readonly end: number;
  /** Whether it was handed out as stale. */
  readonly flagged: boolean;
  /** `cache`: by `get` or `peek`, which do not say. */
  readonly tier: TierName | 'cache';
  /** Whether the answer is known to be in L2 now. */
  readonly isInL2: boolean;
  /** Whether L2 was not asked, or could not answer. */
  readonly bypassedL2: boolean;
}

/** A write: committed, then invalidated (or written through). */
export interface WriteRecord {
  readonly kind: 'write';
  readonly instance: string;
  readonly key: string;
  readonly version: number;
  /** What happened to the value before it: an expired one may still be served, flagged. */
  readonly mode: 'delete' | 'expire';
  readonly committedAt: number;
  /** Whether the outbox holds it: whatever becomes of its writer, it will be known. */
  readonly recorded: boolean;
  /** When the writer was told that it is done, `invalidation-pending` included; `undefined` before. */
  acknowledgedAt: number | undefined;
  /** When L2 had acknowledged it. `undefined` for ever if its process crashed before and no outbox holds it. */
  deliveredAt: number | undefined;
}

/** An order to invalidate, from the moment it is given to the moment L2 has acknowledged it or could not be told. */
export interface InvalidationRecord {
  readonly instance: string;
  /** Every key that it names, whether or not its row was written. */
  readonly keys: readonly string[];
  /** Whether it names them by their tag. Keys that are read beside them in one call may carry that tag too. */
  readonly byTag: boolean;
  /** What it makes known. What L2 could not be told of at once it is told of later, so these may be delivered after `end`. */
  readonly writes: readonly WriteRecord[];
  readonly start: number;
  end: number;
}

/** One call of a loader. */
export interface LoadRecord {
  readonly instance: string;
  readonly key: string;
  readonly start: number;
  /** When the cache had its outcome, or stopped waiting for it. */
  end: number;
  /** Asked for by `forceFresh`, which joins nobody. */
  readonly forced: boolean;
  /** Whether its process could not use L2 when it began. */
  readonly bypassed: boolean;
  /** How long a caller of its process has waited for the key, in milliseconds, to now or until it gave up a moment ago. */
  readonly waited: number;
  /** Whether a caller with a shorter `hardTimeout` than that of the policy was waiting for the key in its process. */
  readonly hurried: boolean;
}

/** A note in L2 of how a load ended, while it may last: each instance that meets it loads for itself. */
export interface NoteRecord {
  readonly key: string;
  /** The version of the cache that left it. */
  readonly cache: string;
  readonly start: number;
  end: number;
}

/** One call that may load, from its beginning to its answer or error. */
export interface WaitRecord {
  readonly instance: string;
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** Its own `hardTimeout`. */
  readonly limit: number;
  readonly error?: unknown;
}

/** A read or write that was rejected. */
export interface FailureRecord {
  readonly instance: string;
  readonly key: string;
  readonly at: number;
  readonly error: unknown;
}

/** Something that may excuse another load: of one process, or of the whole fleet. */
export interface TroubleRecord {
  readonly instance: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** A host that wakes from a sleep in which its monotonic clock stood still. */
export interface WakeRecord {
  readonly instance: string;
  readonly at: number;
  /** For how long it has slept. */
  readonly sleptMs: number;
}

/** One version of one row as one version of the cache stores it, for {@link History.stored}. */
export function storedName(key: string, version: number, cache: string): string {
  return `${key} ${version} ${cache}`;
}

/** The version of the cache that a process of that name has; it has the same one as its successors. */
export function cacheVersionOf(instance: string, versions: number): string {
  const place = Number(/^i(\d+)/.exec(instance)?.[1]);
  return versions > 1 ? `v${place % versions}` : '';
}

/** A flight that waits for a load elsewhere notices up to this much later that the time of its callers is over. */
const A_MOMENT_MS = 150;

/** Everything that clients did, and what the database says of it. */
export class History {
  readonly reads: ReadRecord[] = [];
  readonly writes: WriteRecord[] = [];
  readonly invalidations: InvalidationRecord[] = [];
  readonly loads: LoadRecord[] = [];
  readonly notes: NoteRecord[] = [];
  readonly failures: FailureRecord[] = [];
  readonly waits: WaitRecord[] = [];
  /** When processes stood still. */
  readonly pauses: TroubleRecord[] = [];
  readonly troubles: TroubleRecord[] = [];
  readonly wakes: WakeRecord[] = [];
  /** When instances began to read other contents under the same address and names. */
  readonly exchanges: number[] = [];
  /** When the server came back with what it had held before. */
  readonly setbacks: number[] = [];
  readonly #stored = new Map<string, Map<string, number>>();
  readonly #replaced = new Set<string>();
  /** Reads that have no answer yet. */
  readonly open = new Set<{
    readonly instance: string;
    readonly key: string;
    readonly start: number;
    readonly hurry?: number | undefined;
  }>();

  /** L2 has taken one version of a row, by {@link storedName}. */
  noteStored(name: string, generation: string, now: number): void {
    if (this.#replaced.has(generation)) return;
    const names = this.#stored.get(generation) ?? new Map<string, number>();
    if (!names.has(name)) names.set(name, now);
    this.#stored.set(generation, names);
  }

  /** Another generation was agreed in the place of this one: what lies in it is read by nobody any more. */
  noteReplaced(generation: string): void {
    this.#replaced.add(generation);
    this.#stored.delete(generation);
  }

  /** When L2 first took each version of a row that it may still hold, by {@link storedName}. */
  get stored(): ReadonlyMap<string, number> {
    const first = new Map<string, number>();
    for (const names of this.#stored.values()) {
      for (const [name, at] of names) first.set(name, Math.min(at, first.get(name) ?? Infinity));
    }
    return first;
  }

  /** Whether a caller waits for the key in a process that has a `hardTimeout` of its own. */
  isHurried(instance: string, key: string): boolean {
    return [...this.open].some((read) => read.instance === instance && read.key === key && read.hurry !== undefined);
  }

  /**
   * How long a caller has waited for a key in a process; 0 if none waits. A caller whose time was over a moment ago counts:
   * the flight that it began goes on for those who have time left.
   */
  waited(instance: string, key: string, now: number): number {
    let longest = 0;
    for (const read of this.open) {
      if (read.instance === instance && read.key === key) longest = Math.max(longest, now - read.start);
    }
    for (let index = this.waits.length - 1; index >= 0; index -= 1) {
      const wait = this.waits[index];
      if (wait === undefined || wait.end < now - A_MOMENT_MS) break;
      if (wait.instance === instance && wait.key === key) longest = Math.max(longest, wait.end - wait.start);
    }
    return longest;
  }
}
