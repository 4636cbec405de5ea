/** One kind of line is written once in this time. Milliseconds. */
const PERIOD_MS = 1_000;

/**
 * Keeps a failure that strikes every request from flooding the log. It writes the first line of each kind at once, and
 * then one a second, with the number of lines left out in between.
 */
export class Throttle {
  readonly #now: () => number;
  readonly #kinds = new Map<string, { until: number; suppressed: number }>();

  /** @param now Returns the milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Writes the line, or counts it. Kinds must be few, since each is remembered. */
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
