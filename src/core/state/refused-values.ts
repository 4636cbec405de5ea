import type { Counters } from '../model/counters.ts';
import { CodecError } from '../model/errors.ts';
import type { CacheEvent } from '../model/events.ts';
import type { Clock } from '../primitives/clock.ts';

/** The least time between two reports. After a release `validate` may refuse every value of the previous release. */
const TELL_EVERY_MS = 1_000;

/** Counts each value of L2 that `validate` has refused, and reports at most one in a second. */
export class RefusedValues {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #emit: (event: CacheEvent) => void;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, counters: Counters, emit: (event: CacheEvent) => void) {
    this.#clock = clock;
    this.#counters = counters;
    this.#emit = emit;
  }

  /** Counts one value, and reports it if that is due. A report contains no part of the value. */
  report(key: string): void {
    const now = this.#clock.now();
    if (now < this.#nextAt) {
      this.#counters.l2Errors += 1;
      return;
    }
    this.#nextAt = now + TELL_EVERY_MS;
    const error = new CodecError('validate refuses the value', { key });
    this.#emit({ type: 'tier_failure', error, operation: 'validate', tier: 'l2', key, background: false });
  }
}
