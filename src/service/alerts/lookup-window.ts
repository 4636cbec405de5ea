/** The totals that the window reads from the cache's statistics. They only grow. */
export interface LookupTotals {
  readonly hits: number;
  readonly misses: number;
}

/**
 * Computes the recent hit ratio from totals: the difference between the newest sample and the oldest one in the window.
 */
export class LookupWindow {
  readonly #ring: LookupTotals[] = [];
  readonly #samples: number;

  /** @param intervals The length of the window, in intervals between two samples. */
  constructor(intervals: number) {
    this.#samples = intervals + 1;
  }

  add({ hits, misses }: LookupTotals): void {
    this.#ring.push({ hits, misses });
    if (this.#ring.length > this.#samples) this.#ring.shift();
  }

  /** Forgets earlier samples, which say nothing about the normal state. */
  restart(now: LookupTotals): void {
    this.#ring.length = 0;
    this.add(now);
  }

  /**
   * The answers in the window, and the share of them that needed no loader; 0 without answers. `undefined` until the
   * window is full: a cache that has just begun misses the keys that it has not seen yet.
   */
  get reading(): { readonly answers: number; readonly hitRatio: number } | undefined {
    const oldest = this.#ring[0];
    const newest = this.#ring.at(-1);
    if (oldest === undefined || newest === undefined || this.#ring.length < this.#samples) return undefined;
    const hits = newest.hits - oldest.hits;
    const answers = hits + newest.misses - oldest.misses;
    return { answers, hitRatio: answers === 0 ? 0 : hits / answers };
  }
}
