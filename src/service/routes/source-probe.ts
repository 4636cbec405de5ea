import { type Clock, systemClock } from '../../core/primitives/clock.ts';

/** The result of a probe: if the database answers, and how fast. */
export interface SourceHealth {
  readonly healthy: boolean;
  readonly latencyMs: number | null;
}

/** The time from the beginning of one probe to the beginning of the next. */
const EVERY_MS = 1_000;

/**
 * Asks the database at most once a second, for all probes together. A probe needs no token, so without this limit each
 * client that reaches the port could cause queries.
 */
export class SourceProbe {
  readonly #probe: () => Promise<SourceHealth>;
  readonly #clock: Clock;
  #beganAt = Number.NEGATIVE_INFINITY;
  #last: Promise<SourceHealth> | undefined;
  #isUnderWay = false;

  constructor(probe: () => Promise<SourceHealth>, clock: Clock = systemClock) {
    this.#probe = probe;
    this.#clock = clock;
  }

  /** Returns a result that is at most a second old, or the result of the probe under way. */
  health(): Promise<SourceHealth> {
    const now = this.#clock.now();
    if (this.#last !== undefined && (this.#isUnderWay || now - this.#beganAt < EVERY_MS)) return this.#last;
    this.#beganAt = now;
    this.#isUnderWay = true;
    this.#last = this.#probe().finally(() => {
      this.#isUnderWay = false;
    });
    return this.#last;
  }
}
