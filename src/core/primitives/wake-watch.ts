import type { Clock } from './clock.ts';

/**
 * Two clocks of a busy machine may differ by this much without a sleep, since the process may stop between the
 * readings.
 */
const LEAST_SLEEP_MS = 100;

/**
 * Notices that the host has slept. The monotonic clock stands still during a sleep, so ages look as young as before it.
 * The wall clock goes on, and its lead on the monotonic clock grows. A user who sets the wall clock forward causes the
 * same sign. Setting it back causes none.
 */
export class WakeWatch {
  readonly #clock: Pick<Clock, 'now' | 'wall'>;
  readonly #shortestMs: number;
  readonly #windowMs: number;
  /** The lead of the wall clock on the monotonic one. */
  #lead: number;
  /** The moment from which the lead counts. It is renewed, so that slow drift is not taken for a sleep. */
  #since: number;

  /** @param boundMs Length of the window. Sleeps within it that add up to more than half of it are noticed. */
  constructor(clock: Pick<Clock, 'now' | 'wall'>, boundMs: number) {
    this.#clock = clock;
    this.#shortestMs = Math.max(boundMs / 2, LEAST_SLEEP_MS);
    this.#windowMs = boundMs;
    this.#since = clock.now();
    this.#lead = clock.wall() - this.#since;
  }

  /** Whether the host has slept since the last look. */
  look(): boolean {
    const now = this.#clock.now();
    const lead = this.#clock.wall() - now;
    const grown = lead - this.#lead;
    const hasSlept = grown > this.#shortestMs;
    if (hasSlept || grown < 0 || now - this.#since > this.#windowMs) {
      this.#lead = lead;
      this.#since = now;
    }
    return hasSlept;
  }
}
