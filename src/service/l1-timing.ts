/** Weight of one read in the mean: the last few hundred count. */
const WEIGHT = 1 / 256;

/** How long reads from L1 take lately: a moving mean, kept up by one addition and one multiplication a read. */
export class L1Timing {
  #meanMs: number | undefined;

  /** Milliseconds; `undefined` before the first read. */
  get meanMs(): number | undefined {
    return this.#meanMs;
  }

  add(durationMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? durationMs : this.#meanMs + (durationMs - this.#meanMs) * WEIGHT;
  }
}
