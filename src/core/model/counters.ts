import { type EntryId, fromId, groupOf, OTHER_GROUP } from './key.ts';

/**
 * The counters of one group of keys. They are plain integers, so counting costs an addition. Instruments read them only
 * when they are collected.
 */
export interface GroupCounters {
  readonly group: string;
  l1Hits: number;
  l1Stale: number;
  l2Hits: number;
  l2Stale: number;
  /** Answers that a loader gave. */
  misses: number;
  /** Calls that load nothing and found nothing: `get`, `has`, `getMany`, `peek`. */
  unanswered: number;
  /** Calls of a loader. */
  loads: number;
  loadErrors: number;
  collapsed: number;
  errors: number;
}

/**
 * Most groups that are counted apart. Groups come from keys and become labels of metrics. Without a bound, keys of any
 * form could make any number of labels.
 */
const MAX_GROUPS = 100;

/** Most misses of `peek` that wait for another call of the same key. */
const MOST_PEEKED = 64;

/** The figures that a cache counts of itself, from the moment it was made. */
export class Counters {
  readonly #groupOf: (key: string) => string;
  readonly #groups = new Map<string, GroupCounters>();
  /** Recent misses of `peek` for which no other call has asked since, the oldest first. */
  readonly #peeked = new Set<EntryId>();
  l1Suspensions = 0;
  l2Errors = 0;
  l2Timeouts = 0;
  l2Evictions = 0;
  /** Keys of former generations that this instance has removed from L2. */
  l2Swept = 0;
  /** Loads that the cache refused to begin, to protect the source. */
  loadsRefused = 0;
  fillsRefused = 0;
  fillsFailed = 0;
  invalidations = 0;
  /** Rows of the outbox that this instance has delivered for other instances. */
  relayed = 0;
  busMessages = 0;
  busGaps = 0;
  busMalformed = 0;
  breakerTransitions = 0;

  /** @param rule Names a key's group. Default: {@link groupOf}. */
  constructor(rule: (key: string) => string = groupOf) {
    this.#groupOf = rule;
  }

  /** Returns the counters of a key's group. Entries keep the reference, so a hit looks nothing up. */
  of(key: string): GroupCounters {
    return this.#group(this.#groupOf(key));
  }

  /** A number that grows with every call of a user. It is summed up on request, so the hot path pays nothing for it. */
  get activity(): number {
    let sum = this.invalidations;
    for (const { l1Hits, l1Stale, l2Hits, l2Stale, unanswered, loads, collapsed, errors } of this.#groups.values()) {
      sum += l1Hits + l1Stale + l2Hits + l2Stale + unanswered + loads + collapsed + errors;
    }
    return sum;
  }

  /**
   * Notes that `peek` found nothing. A caller often asks L1 first and then calls `getOrSet` for the same key. That is
   * one question, and the second call counts it. This miss therefore counts only when no other call for the key
   * follows. A reader of the counters ends the wait.
   */
  peekMissed(id: EntryId): void {
    if (this.#peeked.has(id)) this.#countPeek(id);
    this.#peeked.add(id);
    if (this.#peeked.size <= MOST_PEEKED) return;
    for (const oldest of this.#peeked) {
      this.#countPeek(oldest);
      return;
    }
  }

  /** Notes that another call for the key follows, which counts its own outcome. */
  peekFollowed(id: EntryId): void {
    if (this.#peeked.size > 0) this.#peeked.delete(id);
  }

  groups(): Iterable<GroupCounters> {
    for (const id of this.#peeked) this.#countPeek(id);
    return this.#groups.values();
  }

  #countPeek(id: EntryId): void {
    this.#peeked.delete(id);
    this.of(fromId(id).key).unanswered += 1;
  }

  #group(name: string): GroupCounters {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS && name !== OTHER_GROUP) return this.#group(OTHER_GROUP);
    const made: GroupCounters = {
      group: name,
      l1Hits: 0,
      l1Stale: 0,
      l2Hits: 0,
      l2Stale: 0,
      misses: 0,
      unanswered: 0,
      loads: 0,
      loadErrors: 0,
      collapsed: 0,
      errors: 0,
    };
    this.#groups.set(name, made);
    return made;
  }
}
