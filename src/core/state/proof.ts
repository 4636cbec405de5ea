/**
 * Whether this instance has missed an invalidation, and how long it can be sure that it has not.
 *
 * Two kinds of evidence arrive in the one ordered stream of the subscription: invalidations, whose numbers must follow
 * each other, and this instance's own heartbeats, which repeat the last number and so prove, as of the moment they were
 * sent, that nothing before it is missing.
 */
export class Proof {
  readonly #maxLagMs: number;
  /** L1 may answer up to this moment of the monotonic clock. */
  #until = Number.NEGATIVE_INFINITY;
  #epoch: string | undefined;
  #seen: number | undefined;

  /** @param maxLagMs The bound D; `Infinity` when there is no bus to prove anything by: L1's TTL is the bound then. */
  constructor(maxLagMs: number) {
    this.#maxLagMs = maxLagMs;
    if (maxLagMs === Infinity) this.#until = Infinity;
  }

  /** Up to here this instance has shown that it missed nothing. */
  get until(): number {
    return this.#until;
  }

  /** When the latest proof was sent; `-Infinity` before the first. */
  get provenAt(): number {
    return this.#until - this.#maxLagMs;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  /** Number of the last invalidation seen in {@link epoch}; `undefined` before the first message. */
  get seen(): number | undefined {
    return this.#seen;
  }

  /** Takes note of an invalidation. `false`: it is not the next one, so at least one was lost and nothing is proven. */
  takeInvalidation(epoch: string, sequence: number): boolean {
    const expected = this.#seen !== undefined && epoch === this.#epoch && sequence === this.#seen + 1;
    this.#epoch = epoch;
    this.#seen = sequence;
    if (!expected) this.#until = Number.NEGATIVE_INFINITY;
    return expected;
  }

  /**
   * Takes note of this instance's own heartbeat. `false`: its number is not the last one seen, so messages were lost;
   * once the caller has cleared what they may have concerned, all is proven as of `sentAt`.
   */
  takeHeartbeat(epoch: string, sequence: number, sentAt: number): boolean {
    const expected = epoch === this.#epoch && sequence === this.#seen;
    this.#epoch = epoch;
    this.#seen = sequence;
    this.#until = Math.max(expected ? this.#until : Number.NEGATIVE_INFINITY, sentAt + this.#maxLagMs);
    return expected;
  }
}
