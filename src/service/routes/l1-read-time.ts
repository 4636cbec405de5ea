/** The last few hundred reads count. */
const WINDOW = 256;

/** How long reads from L1 take lately: a moving mean, for the price of a few additions a read. */
export class L1Timing {
  #reads = 0;
  #meanMs = 0;

  /** Milliseconds; `undefined` before the first read. */
  get meanMs(): number | undefined {
    return this.#reads === 0 ? undefined : this.#meanMs;
  }

  add(durationMs: number): void {
    if (this.#reads < WINDOW) this.#reads += 1;
    this.#meanMs += (durationMs - this.#meanMs) / this.#reads;
  }
}
