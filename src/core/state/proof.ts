import type { InvalidationId } from '../model/tags.ts';
import type { WakeWatch } from '../primitives/wake-watch.ts';

/** Between two looks at the wall clock, in milliseconds: so a hit reads one clock, and the other one seldom. */
const LOOK_EVERY_MS = 0.1;

/** How a {@link Proof} learns that the host has slept. */
export interface Wakefulness {
  readonly watch: WakeWatch;
  readonly now: () => number;
  /** Told after a sleep, before anything of before it is answered. */
  readonly onWake: () => void;
}

/**
 * Whether this instance has missed an invalidation, and how long it can be sure that it has not.
 *
 * Two kinds of evidence arrive in the one ordered stream of the subscription: invalidations, whose numbers must follow
 * each other, and this instance's own heartbeats, which repeat the last number and so prove, as of the moment they were
 * sent, that nothing before it is missing.
 *
 * The proof ages by the monotonic clock, which stands still while the host sleeps. The wall clock is the second witness: after
 * a sleep nothing of before it is proven (protocol, race 46).
 */
export class Proof {
  readonly #maxLagMs: number;
  readonly #wakefulness: Wakefulness | undefined;
  /** L1 may answer up to this moment of the monotonic clock. */
  #until = Number.NEGATIVE_INFINITY;
  /** The same, but no further than the next look at the wall clock. */
  #sureUntil = Number.NEGATIVE_INFINITY;
  #awokeAt = Number.NEGATIVE_INFINITY;
  #lookedUntil: number;
  #isSuspended = false;
  #epoch: string | undefined;
  #seen: number | undefined;
  /** No number between this one and {@link #seen} is missing. */
  #unbrokenFrom = 0;
  #next: PromiseWithResolvers<void> | undefined;

  /** @param maxLagMs The bound D; `Infinity` when there is no bus to prove anything by: L1's TTL is the bound then. */
  constructor(maxLagMs: number, wakefulness?: Wakefulness) {
    this.#maxLagMs = maxLagMs;
    this.#wakefulness = wakefulness;
    this.#lookedUntil = wakefulness === undefined ? Infinity : Number.NEGATIVE_INFINITY;
    if (maxLagMs === Infinity) this.#until = Infinity;
  }

  /** Whether this instance has shown that it missed nothing, as of D before `now`. */
  isProven(now: number): boolean {
    return now <= this.#sureUntil || this.#look(now);
  }

  /** Up to here this instance has shown that it missed nothing, if the host has not slept since. */
  get until(): number {
    return this.#until;
  }

  /** When the latest proof was sent; `-Infinity` before the first. */
  get provenAt(): number {
    return this.#until - this.#maxLagMs;
  }

  /** When the host was last found to have slept; `-Infinity` while it never was. */
  get awokeAt(): number {
    return this.#awokeAt;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Number of the last invalidation seen in {@link epoch}; `undefined` before the first message. */
  get seen(): number | undefined {
    return this.#seen;
  }

  /** Whether heartbeats prove nothing at present; see {@link suspend}. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /**
   * Ends the proof until {@link resume}, whatever heartbeats come meanwhile: something was missed, and what it may have
   * concerned is yet to be cleared (protocol, race 60).
   */
  suspend(): void {
    this.#isSuspended = true;
    this.#proveUntil(Number.NEGATIVE_INFINITY);
  }

  /** What was missed is about to be cleared: the next heartbeat proves again. */
  resume(): void {
    this.#isSuspended = false;
  }

  /** Whether the host has slept since that moment: what was asked then may be answered by something older than it seems. */
  hasSleptSince(moment: number): boolean {
    if (this.#wakefulness !== undefined) this.#look(this.#wakefulness.now());
    return this.#awokeAt >= moment;
  }

  /** Takes note of an invalidation. `false`: it is not the next one, so at least one was lost and nothing is proven. */
  takeInvalidation(epoch: string, sequence: number): boolean {
    const expected = this.#seen !== undefined && epoch === this.#epoch && sequence === this.#seen + 1;
    this.#take(epoch, sequence, expected);
    if (!expected) this.#proveUntil(Number.NEGATIVE_INFINITY);
    return expected;
  }

  /**
   * Takes note of this instance's own heartbeat. `false`: its number is not the last one seen, so messages were lost;
   * once the caller has cleared what they may have concerned, all is proven as of `sentAt`.
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
   * Whether this instance has been told of every invalidation after `from`, up to that number of the same epoch.
   * `not yet`: those that are missing may be on their way.
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
        // What the caller holds may be of before the sleep.
        return false;
      }
    }
    this.#sureUntil = Math.min(this.#until, this.#lookedUntil);
    return now <= this.#until;
  }
}
