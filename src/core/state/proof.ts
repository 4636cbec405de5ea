import type { InvalidationId } from '../model/tags.ts';
import type { WakeWatch } from '../primitives/wake-watch.ts';

/** The time between two looks at the wall clock, in milliseconds. A hit therefore usually reads only one clock. */
const LOOK_EVERY_MS = 0.1;

/** Tells a {@link Proof} that the host has slept. */
export interface Wakefulness {
  readonly watch: WakeWatch;
  readonly now: () => number;
  /** Called after a sleep, before a caller gets an answer from before it. */
  readonly onWake: () => void;
}

/**
 * Tracks the evidence that this instance has missed no invalidation, and the time up to which it holds.
 *
 * The subscription delivers two kinds of evidence in one ordered stream. The numbers of invalidations must follow each
 * other. This instance's own heartbeats repeat the last number. A returned heartbeat proves that nothing before its
 * sending is missing.
 *
 * The proof ages by the monotonic clock, which stands still while the host sleeps. The wall clock is a second witness:
 * a sleep ends every proof from before it (protocol, race 46).
 */
export class Proof {
  readonly #maxLagMs: number;
  readonly #wakefulness: Wakefulness | undefined;
  /** L1 may answer up to this moment of the monotonic clock. */
  #until = Number.NEGATIVE_INFINITY;
  /** The smaller of {@link #until} and the next look at the wall clock. */
  #sureUntil = Number.NEGATIVE_INFINITY;
  #awokeAt = Number.NEGATIVE_INFINITY;
  #lookedUntil: number;
  #isSuspended = false;
  #epoch: string | undefined;
  #seen: number | undefined;
  /** No number between this one and {@link #seen} is missing. */
  #unbrokenFrom = 0;
  #next: PromiseWithResolvers<void> | undefined;

  /**
   * @param maxLagMs The bound D. `Infinity` without a bus: nothing can be proven then, and the TTL of L1 is the bound.
   */
  constructor(maxLagMs: number, wakefulness?: Wakefulness) {
    this.#maxLagMs = maxLagMs;
    this.#wakefulness = wakefulness;
    this.#lookedUntil = wakefulness === undefined ? Infinity : Number.NEGATIVE_INFINITY;
    if (maxLagMs === Infinity) this.#until = Infinity;
  }

  /** True when this instance has proven that it missed nothing up to D before `now`. */
  isProven(now: number): boolean {
    return now <= this.#sureUntil || this.#look(now);
  }

  /** L1 may answer up to this moment, if the host has not slept since. */
  get until(): number {
    return this.#until;
  }

  /** The moment at which the heartbeat of the latest proof was sent. `-Infinity` before the first. */
  get provenAt(): number {
    return this.#until - this.#maxLagMs;
  }

  /** The moment at which this process last noticed a sleep of the host. `-Infinity` while it never has. */
  get awokeAt(): number {
    return this.#awokeAt;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** The number of the last invalidation seen in {@link epoch}. `undefined` before the first message. */
  get seen(): number | undefined {
    return this.#seen;
  }

  /** True while heartbeats prove nothing: see {@link suspend}. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /**
   * Ends the proof until {@link resume}, and lets no heartbeat prove anything meanwhile. A message was missed, and L1
   * still holds what it may have named (protocol, race 60).
   */
  suspend(): void {
    this.#isSuspended = true;
    this.#proveUntil(Number.NEGATIVE_INFINITY);
  }

  /** Lets the next heartbeat prove again. The caller clears what the missed message may have named. */
  resume(): void {
    this.#isSuspended = false;
  }

  /**
   * True when the host has slept since that moment. An answer to an earlier question may then be older than it seems.
   */
  hasSleptSince(moment: number): boolean {
    if (this.#wakefulness !== undefined) this.#look(this.#wakefulness.now());
    return this.#awokeAt >= moment;
  }

  /** Takes note of an invalidation. `false`: it is not the next one. At least one was lost, so nothing is proven. */
  takeInvalidation(epoch: string, sequence: number): boolean {
    const expected = this.#seen !== undefined && epoch === this.#epoch && sequence === this.#seen + 1;
    this.#take(epoch, sequence, expected);
    if (!expected) this.#proveUntil(Number.NEGATIVE_INFINITY);
    return expected;
  }

  /**
   * Takes note of this instance's own heartbeat. `false`: its number is not the last one seen, so messages were lost.
   * The caller must then clear everything that they may have named. After that, all is proven as of `sentAt`.
   */
  takeHeartbeat(epoch: string, sequence: number, sentAt: number): boolean {
    const hasSlept = this.hasSleptSince(sentAt);
    const expected = epoch === this.#epoch && sequence === this.#seen;
    this.#take(epoch, sequence, expected);
    const proven = hasSlept || this.#isSuspended ? Number.NEGATIVE_INFINITY : sentAt + this.#maxLagMs;
    this.#proveUntil(Math.max(expected ? this.#until : Number.NEGATIVE_INFINITY, proven));
    return expected;
  }

  /**
   * Tells whether this instance has received every invalidation after `from`, up to that number of the same epoch
   * (protocol, race 65). `not yet`: the missing ones may be on their way.
   */
  hasHeard(from: InvalidationId, number: number): 'all' | 'not yet' | 'not all' {
    if (from.epoch !== this.#epoch || this.#seen === undefined || this.#unbrokenFrom > from.sequence) return 'not all';
    return this.#seen >= number ? 'all' : 'not yet';
  }

  /** Resolves when the next message has been taken note of. */
  nextMessage(): Promise<void> {
    this.#next ??= Promise.withResolvers();
    return this.#next.promise;
  }

  #take(epoch: string, sequence: number, expected: boolean): void {
    this.#epoch = epoch;
    this.#seen = sequence;
    if (!expected) this.#unbrokenFrom = sequence;
    this.#next?.resolve();
    this.#next = undefined;
  }

  #proveUntil(until: number): void {
    this.#until = until;
    this.#sureUntil = Math.min(until, this.#lookedUntil);
  }

  #look(now: number): boolean {
    const wakefulness = this.#wakefulness;
    if (wakefulness !== undefined && now > this.#lookedUntil) {
      this.#lookedUntil = now + LOOK_EVERY_MS;
      if (wakefulness.watch.look()) {
        this.#awokeAt = wakefulness.now();
        this.#proveUntil(this.#maxLagMs === Infinity ? Infinity : Number.NEGATIVE_INFINITY);
        wakefulness.onWake();
        // The value that the caller holds may be from before the sleep.
        return false;
      }
    }
    this.#sureUntil = Math.min(this.#until, this.#lookedUntil);
    return now <= this.#until;
  }
}
