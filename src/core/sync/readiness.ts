import type { Clock } from '../primitives/clock.ts';

/** Callers that wait until the cache is ready. */
export class Readiness {
  readonly #clock: Clock;
  readonly #isReady: () => boolean;
  readonly #waiters = new Set<() => void>();

  constructor(clock: Clock, isReady: () => boolean) {
    this.#clock = clock;
    this.#isReady = isReady;
  }

  /** Resolves with whether it is ready: as soon as it is, when the time is over, or at {@link end}. */
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

  /** It may be ready by now. */
  look(): void {
    if (this.#isReady()) this.end();
  }

  /** There is nothing more to wait for. */
  end(): void {
    for (const end of this.#waiters) end();
  }
}
