import { BreakerOpenError, type LoadShedError, LoadTimeoutError } from '../model/errors.ts';
import type { CircuitBreaker } from '../primitives/circuit-breaker.ts';
import type { Clock } from '../primitives/clock.ts';
import { LoadLimit, type LoadOrder } from './load-limit.ts';
import type { LoadPlace } from './running-load.ts';

/** A breaker before the source, and what it goes by. */
export interface SourceGuard {
  readonly breaker: CircuitBreaker;
  /** Whether a loader's error means that the source cannot be asked. */
  readonly isFailure: (error: unknown) => boolean;
  /** A load that takes longer counts as failed, whatever comes of it. */
  readonly slowMs: number;
}

/** A load that hangs says so this often: by then what was well before has left the breaker's window. */
const MOST_COMPLAINTS = 10;

/** How the source is doing. */
export interface SourceHealth {
  readonly running: number;
  readonly waiting: number;
}

/**
 * The way to the source: a breaker, where there is one, then the limit on loads. While the breaker is open nobody waits for
 * a source that is away: one load at a time finds out whether it is back, the others fail at once, or are answered stale.
 */
export class GuardedSource {
  readonly guard: SourceGuard | undefined;
  readonly #clock: Clock;
  readonly #limit: LoadLimit;
  #trials = 0;

  /** @param maxLoads Loads that run at once; `Infinity` for no limit. */
  constructor(clock: Clock, maxLoads: number, guard: SourceGuard | undefined) {
    this.#clock = clock;
    this.#limit = new LoadLimit(clock, maxLoads);
    this.guard = guard;
  }

  get health(): SourceHealth {
    return { running: this.#limit.running + this.#trials, waiting: this.#limit.waiting };
  }

  /** The error of a caller whose time is over while its load waits for a place. */
  noPlace(key: string): LoadShedError {
    return this.#limit.noPlace(key);
  }

  /** The breaker has another state: while it is not closed, whoever waits for a place would wait in vain. */
  onChange(): void {
    if (this.guard?.breaker.isClosed === false) this.#limit.dismiss((key) => this.#refusal(key));
  }

  /**
   * Runs a load.
   * @throws {@link BreakerOpenError}, {@link LoadShedError}; else the signal's reason, or what the load throws.
   */
  run<T>(order: LoadOrder, load: (place: LoadPlace | undefined) => Promise<T>): Promise<T> {
    const { guard } = this;
    if (guard === undefined) return this.#limit.run(order, load);
    // Places may be held by loads that hang: the trial must not wait for those.
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
   * Tells whether the source is well: when the load has ended, or each time it has taken too long once more. Loads that
   * hang may hold all places soon after all was well, and nothing else would ever speak against the source. `undefined`:
   * the load was given up before it could show.
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
