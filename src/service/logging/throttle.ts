/** How often one kind of line is written at most. */
const PERIOD_MS = 1_000;

/**
 * Keeps a failure that strikes every request from flooding the log: of each kind, the first line is written at once and
 * then one a second, with the number of those left out in between.
 */
export class Throttle {
  readonly #now: () => number;
  readonly #kinds = new Map<string, { until: number; suppressed: number }>();

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Writes, or counts. Kinds must be few: each is remembered. */
  write(kind: string, line: (suppressed: number) => void): void {
    const now = this.#now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now < known.until) {
      known.suppressed += 1;
      return;
    }
    this.#kinds.set(kind, { until: now + PERIOD_MS, suppressed: 0 });
    line(known?.suppressed ?? 0);
  }
}
