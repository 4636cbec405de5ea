/** What is read of the cache's statistics: totals that only grow. */
export interface LookupTotals {
  readonly hits: number;
  readonly misses: number;
}

/** The hit ratio of late, out of totals since the start: the difference between the newest sample and the oldest kept. */
export class LookupWindow {
  readonly #ring: LookupTotals[] = [];
  readonly #samples: number;

  /** @param intervals Between two samples each, that the window is long. */
  constructor(intervals: number) {
    this.#samples = intervals + 1;
  }

  add({ hits, misses }: LookupTotals): void {
    this.#ring.push({ hits, misses });
    if (this.#ring.length > this.#samples) this.#ring.shift();
  }

  /** Forgets what came before: it tells nothing of what is normal. */
  restart(now: LookupTotals): void {
    this.#ring.length = 0;
    this.add(now);
  }

  /**
   * Answers in the window, and the ratio of those that no loader gave; 0 while there are none. `undefined` until there is a
   * whole window: a cache that has just begun misses what it has not seen yet.
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
