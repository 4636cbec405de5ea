import type { Clock } from '../primitives/clock.ts';

/** Holds the callers that wait until the cache is ready. */
export class Readiness {
  readonly #clock: Clock;
  readonly #isReady: () => boolean;
  readonly #waiters = new Set<() => void>();

  constructor(clock: Clock, isReady: () => boolean) {
    this.#clock = clock;
    this.#isReady = isReady;
  }

  /** Resolves with `true` as soon as the cache is ready, and with its state when the time is over or at {@link end}. */
  wait(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#waiters.delete(end);
        resolve(this.#isReady());
      };
      const cancel = this.#clock.after(timeoutMs, end, true);
      this.#waiters.add(end);
    });
  }

  /** Checks if the cache is ready by now, and releases its callers if so. */
  look(): void {
    if (this.#isReady()) this.end();
  }

  /** Releases all callers, because the cache closes. */
  end(): void {
    for (const end of this.#waiters) end();
  }
}
