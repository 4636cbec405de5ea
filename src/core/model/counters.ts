import { type EntryId, fromId, groupOf, OTHER_GROUP } from './key.ts';

/** Plain integers: counting costs an addition, and instruments read them when they are asked. */
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
  /** Loaders called. */
  loads: number;
  loadErrors: number;
  collapsed: number;
  errors: number;
}

/** Groups are derived from keys and become labels of metrics, so they must be few however keys are made. */
const MAX_GROUPS = 100;

/** Misses of `peek` that may still turn out to be the beginning of another call. */
const MOST_PEEKED = 64;

/** What the cache counts about itself since it was made. */
export class Counters {
  readonly #groupOf: (key: string) => string;
  readonly #groups = new Map<string, GroupCounters>();
  /** What `peek` has not found lately and no other call has asked for since, the oldest first. */
  readonly #peeked = new Set<EntryId>();
  l1Suspensions = 0;
  l2Errors = 0;
  l2Timeouts = 0;
  l2Evictions = 0;
  /** Keys of former generations that this instance has removed from L2. */
  l2Swept = 0;
  /** Loads that were not begun, to protect the source. */
  loadsRefused = 0;
  fillsRefused = 0;
  fillsFailed = 0;
  invalidations = 0;
  /** Rows of the outbox that this instance has delivered for others. */
  relayed = 0;
  busMessages = 0;
  busGaps = 0;
  busMalformed = 0;
  breakerTransitions = 0;

  /** @param rule Names a key's group. Default: {@link groupOf}. */
  constructor(rule: (key: string) => string = groupOf) {
    this.#groupOf = rule;
  }

  /** The counters of a key's group. Entries keep the reference, so that a hit looks nothing up. */
  of(key: string): GroupCounters {
    return this.#group(this.#groupOf(key));
  }

  /** Grows with every call that a user makes; said once in a while, not counted on the hot path. */
  get activity(): number {
    let sum = this.invalidations;
    for (const { l1Hits, l1Stale, l2Hits, l2Stale, unanswered, loads, collapsed, errors } of this.#groups.values()) {
      sum += l1Hits + l1Stale + l2Hits + l2Stale + unanswered + loads + collapsed + errors;
    }
    return sum;
  }

  /**
   * `peek` found nothing. Callers ask L1 first and then `getOrSet` for the same key: one question, which the second call
   * counts. So this miss counts when no other call for the key follows, at the next look at the numbers at the latest.
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

  /** A call follows that counts what comes of this key by itself. */
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
