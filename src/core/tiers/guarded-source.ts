import { BreakerOpenError, type LoadShedError, LoadTimeoutError } from '../model/errors.ts';
import type { CircuitBreaker } from '../primitives/circuit-breaker.ts';
import type { Clock } from '../primitives/clock.ts';
import { LoadLimit, type LoadOrder } from './load-limit.ts';
import type { LoadPlace } from './running-load.ts';

/** The breaker before the source, with the rules for failures. */
export interface SourceGuard {
  readonly breaker: CircuitBreaker;
  /** True when a loader's error means that the source cannot be asked. */
  readonly isFailure: (error: unknown) => boolean;
  /** A load that takes longer counts as failed, whatever its outcome. Milliseconds. */
  readonly slowMs: number;
}

/**
 * The number of times that one hanging load counts as a failure. After these the successes from before have left the
 * breaker's window.
 */
const MOST_COMPLAINTS = 10;

/** The loads that run at the source, and those that wait for a place. */
export interface SourceHealth {
  readonly running: number;
  readonly waiting: number;
}

/**
 * Guards the source with an optional breaker, then with the limit on loads. While the breaker is open, callers do not
 * wait for a source that is away. One trial load at a time finds out whether it is back. The others fail at once or are
 * answered stale.
 */
export class GuardedSource {
  readonly guard: SourceGuard | undefined;
  readonly #clock: Clock;
  readonly #limit: LoadLimit;
  #trials = 0;

  /** @param maxLoads The number of loads that run at once. `Infinity` for no limit. */
  constructor(clock: Clock, maxLoads: number, guard: SourceGuard | undefined) {
    this.#clock = clock;
    this.#limit = new LoadLimit(clock, maxLoads);
    this.guard = guard;
  }

  get health(): SourceHealth {
    return { running: this.#limit.running + this.#trials, waiting: this.#limit.waiting };
  }

  /** The error of a caller whose time ends while its load waits for a place. */
  noPlace(key: string): LoadShedError {
    return this.#limit.noPlace(key);
  }

  /** Dismisses all waiting loads when the breaker is not closed, because they would wait in vain. */
  onChange(): void {
    if (this.guard?.breaker.isClosed === false) this.#limit.dismiss((key) => this.#refusal(key));
  }

  /**
   * Runs a load.
   * @throws {@link BreakerOpenError}, {@link LoadShedError}; otherwise the signal's reason or the error of the load.
   */
  run<T>(order: LoadOrder, load: (place: LoadPlace | undefined) => Promise<T>): Promise<T> {
    const { guard } = this;
    if (guard === undefined) return this.#limit.run(order, load);
    // Loads that hang may hold all places, and a trial must not wait for those. So it takes none.
    if (guard.breaker.beginTrial()) return this.#try(order, () => load(undefined), guard);
    if (!guard.breaker.isClosed) return Promise.reject(this.#refusal(order.key));
    return this.#limit.run(order, (place) => this.#watch(order, () => load(place), guard));
  }

  async #try<T>(order: LoadOrder, load: () => Promise<T>, guard: SourceGuard): Promise<T> {
    const { breaker } = guard;
    const { generation } = breaker;
    this.#trials += 1;
    try {
      return await this.#judge(order, load, guard, (isWell) => {
        if (generation !== breaker.generation) return;
        if (isWell) breaker.pass();
        else breaker.reopen();
      });
    } finally {
      this.#trials -= 1;
    }
  }

  #watch<T>(order: LoadOrder, load: () => Promise<T>, guard: SourceGuard): Promise<T> {
    const { generation } = guard.breaker;
    return this.#judge(order, load, guard, (isWell) => {
      if (isWell !== undefined) guard.breaker.record(isWell, generation);
    });
  }

  /**
   * Runs a load, and reports the state of the source at its end and each time that it has taken `slowMs` more. Loads
   * that hang may hold all places soon after a success, and no other report would ever count against the source.
   * `undefined`: the load was given up before it could show.
   */
  async #judge<T>(
    { signal }: LoadOrder,
    load: () => Promise<T>,
    { isFailure, slowMs }: SourceGuard,
    tell: (isWell: boolean | undefined) => void,
  ): Promise<T> {
    let isSlow = false;
    let cancel = (): void => {};
    const wait = (times: number): void => {
      if (times === 0) return;
      cancel = this.#clock.after(slowMs, () => {
        isSlow = true;
        wait(times - 1);
        tell(false);
      });
    };
    wait(MOST_COMPLAINTS);
    try {
      const value = await load();
      if (!isSlow) tell(true);
      return value;
    } catch (error) {
      if (!isSlow) tell(signal.aborted ? undefined : !(error instanceof LoadTimeoutError || isFailure(error)));
      throw error;
    } finally {
      cancel();
    }
  }

  #refusal(key: string): BreakerOpenError {
    const { trialAt } = this.guard?.breaker ?? {};
    return new BreakerOpenError(key, Math.max((trialAt ?? 0) - this.#clock.now(), 0));
  }
}
