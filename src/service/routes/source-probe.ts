import { type Clock, systemClock } from '../../core/primitives/clock.ts';

/** Whether the database answers, and how fast. */
export interface SourceHealth {
  readonly healthy: boolean;
  readonly latencyMs: number | null;
}

/** Between the beginnings of two probes. */
const EVERY_MS = 1_000;

/**
 * Asks the database once a second for all probes together. A probe needs no token, so each client that reaches the port could
 * make queries otherwise.
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

  /** As of at most a second ago; the one that is under way, if there is one. */
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
