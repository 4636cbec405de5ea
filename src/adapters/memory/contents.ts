import type { TagGeneration } from '../../core/model/tags.ts';
import type { LoadOutcome } from '../../core/ports/load-outcome.ts';
import type { StoredValue, SweptOthers } from '../../core/ports/remote-tier.ts';
import { CLAIM_MS, KEYS_PER_STEP } from '../../core/ports/sweep-steps.ts';
import { ExpiringMap } from './expiring-map.ts';
import { generationIn, type Shape } from './names.ts';

/** The content of a key. */
export type Held = { readonly kind: 'lease'; readonly token: string } | Outcome | HeldValue;

/** A note of how a load ended. It takes the place of the load's lease or claim. */
interface Outcome {
  readonly kind: 'outcome';
  readonly outcome: LoadOutcome;
}

interface HeldValue {
  readonly kind: 'value';
  readonly value: StoredValue;
  readonly version: number | undefined;
  /** True when the value was not written by Tiercel. Such a value cannot be marked, only replaced or removed. */
  readonly damaged?: true;
}

/** A record in which a server remembers facts about its instances. */
export type Note =
  | { readonly kind: 'identity'; readonly identity: string }
  | { readonly kind: 'beat'; readonly time: number; readonly generation: string; readonly shapes: readonly Shape[] }
  | { readonly kind: 'vouched'; readonly epoch: string; readonly generation: string }
  | {
      readonly kind: 'marks';
      readonly epoch: string;
      readonly marksRequested: number;
      readonly marksCompleted: number;
    };

/** Begins the names of claims that belong to a sweep and to no entry. */
const SWEEP = 'sweep:';

/** The data of one moment, with which a run can begin. */
export type MemorySnapshot = Contents;

/** Holds the data of a server as maps. `MemoryDatabase` gives them their meaning. */
export class Contents {
  readonly records: ExpiringMap<Held>;
  readonly claims: ExpiringMap<string | Outcome>;
  readonly tags: ExpiringMap<TagGeneration>;
  readonly generations: ExpiringMap<string>;
  /**
   * Holds at most one note of each kind: the last heartbeat that found a generation, the vouched generation, the marks,
   * and the identity of the data.
   */
  readonly notes: ExpiringMap<Note>;
  counter: number | undefined;
  /** Last number before the counter was lost. A new start lies beyond it even if the clock stood still. */
  spent: number;

  constructor(now: () => number, from?: Contents) {
    this.records = from?.records.copy() ?? new ExpiringMap(now);
    this.claims = from?.claims.copy() ?? new ExpiringMap(now);
    this.tags = from?.tags.copy() ?? new ExpiringMap(now);
    this.generations = from?.generations.copy() ?? new ExpiringMap(now);
    this.notes = from?.notes.copy() ?? new ExpiringMap(now);
    this.counter = from?.counter;
    this.spent = from?.spent ?? 0;
  }

  clear(): void {
    for (const [, map] of this.#maps()) map.clear();
    this.#forgetCounter();
  }

  /** Returns the names of everything held, the counter included, for {@link evict}. */
  names(): string[] {
    const counter = this.counter === undefined ? [] : ['counter'];
    return [...counter, ...this.#maps().flatMap(([kind, map]) => map.keys().map((key) => `${kind} ${key}`))];
  }

  /** Stores a value that the codec refuses. Its token stands for its bytes. */
  damage(key: string): void {
    const value = { token: '!damaged', storedAt: 0, expiredAt: 0, body: '' };
    this.records.set(key, { kind: 'value', value, version: undefined, damaged: true }, Infinity);
  }

  /** Returns the length of all values together. */
  bodyBytes(): number {
    const held = this.records.keys().map((key) => this.records.get(key));
    return held.reduce((sum, each) => sum + (each?.kind === 'value' ? each.value.body.length : 0), 0);
  }

  /**
   * Runs one step that removes records, claims and tags of other generations. Only the instance that holds the sweep
   * runs it.
   */
  sweepOthers(generation: string, holder: string): SweptOthers {
    const claim = SWEEP + generation;
    const held = this.claims.get(claim);
    if (held !== undefined && held !== holder) return { kind: 'elsewhere' };
    const removed = this.#removeOthers(generation);
    const isDone = removed < KEYS_PER_STEP;
    this.claims.set(claim, holder, isDone ? Infinity : CLAIM_MS);
    return { kind: 'done', removed, ...(!isDone && { cursor: 'more' }) };
  }

  /** Removes one of {@link names}. */
  evict(name: string): void {
    if (name === 'counter') this.#forgetCounter();
    for (const [kind, map] of this.#maps()) if (name.startsWith(`${kind} `)) map.delete(name.slice(kind.length + 1));
  }

  #maps() {
    return [
      ['record', this.records],
      ['claim', this.claims],
      ['tag', this.tags],
      ['generation', this.generations],
      ['note', this.notes],
    ] as const;
  }

  #forgetCounter(): void {
    this.spent = this.counter ?? this.spent;
    this.counter = undefined;
  }

  #removeOthers(generation: string): number {
    let removed = 0;
    for (const map of [this.records, this.claims, this.tags]) {
      for (const key of map.keys()) {
        if (removed === KEYS_PER_STEP) return removed;
        if (!key.startsWith(SWEEP) && generationIn(key) !== generation && map.delete(key)) removed += 1;
      }
    }
    return removed;
  }
}
