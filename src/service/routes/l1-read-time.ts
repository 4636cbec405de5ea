/** The mean is over this many reads. */
const WINDOW = 256;

/** Keeps a moving mean of the duration of reads from L1. One read costs a few additions. */
export class L1Timing {
  #reads = 0;
  #meanMs = 0;

  /** The mean in milliseconds; `undefined` before the first read. */
  get meanMs(): number | undefined {
    return this.#reads === 0 ? undefined : this.#meanMs;
  }

  add(durationMs: number): void {
    if (this.#reads < WINDOW) this.#reads += 1;
    this.#meanMs += (durationMs - this.#meanMs) / this.#reads;
  }
}
