import type { Clock } from './clock.ts';

/** A difference that two clocks of a busy machine may show without a sleep: the process may stand between their readings. */
const LEAST_SLEEP_MS = 100;

/**
 * Notices that the host has slept. The monotonic clock stands still meanwhile, so whatever it measures seems as young as
 * before; the wall clock goes on. A wall clock that somebody sets forward looks the same, and one that is set back is no sign.
 */
export class WakeWatch {
  readonly #clock: Pick<Clock, 'now' | 'wall'>;
  readonly #shortestMs: number;
  readonly #windowMs: number;
  /** The wall clock's lead on the monotonic one. */
  #lead: number;
  /** Since when the lead counts from there: slow drift is no sleep. */
  #since: number;

  /** @param boundMs A sleep of half of it is noticed, also one that is made of several within it. */
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
