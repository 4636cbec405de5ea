const FIRST_MS = 50;

const LONGEST_MS = 1_000;

/** Pauses between attempts to connect: they double up to a second, with jitter so that a fleet does not knock as one. */
export class Backoff {
  readonly #longestMs: number;
  #failures = 0;

  /** @param longestMs Cut to a second, so that a client finds a server that is back within a second. */
  constructor(longestMs = LONGEST_MS) {
    this.#longestMs = Math.min(longestMs, LONGEST_MS);
  }

  /** The next pause, in milliseconds. For ioredis's `retryStrategy`: it never gives up. */
  readonly next = (): number => {
    const longest = Math.min(this.#longestMs, FIRST_MS * 2 ** this.#failures);
    // Beyond this the pause is at its longest anyway, and the power would overflow in the end.
    this.#failures = Math.min(this.#failures + 1, 10);
    return longest * (0.5 + Math.random() / 2);
  };

  /** Call when a connection is good for its purpose, not when it is merely open. */
  reset(): void {
    this.#failures = 0;
  }
}
