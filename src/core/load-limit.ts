import type { Clock } from './clock.ts';
import { LoadShedError } from './errors.ts';

/** A load waits at most this long for a place. */
const LONGEST_WAIT_MS = 1_000;
/** Loads that may wait, for each that may run: more would only wait in vain. */
const WAITING_PER_PLACE = 16;

interface Waiting {
  readonly start: () => void;
}

/**
 * Keeps the source from being flattened when the cache cannot help: so many loads run at once, some more wait for a
 * short while, the rest are refused at once.
 */
export class LoadLimit {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  /** @param limit Loads that run at once; `Infinity` for no limit. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs a load as soon as there is a place for it.
   * @throws {@link LoadShedError} when there are too many already, or none became free in time; else the signal's
   *   reason, or what the load throws.
   */
  async run<T>(key: string, signal: AbortSignal, load: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running += 1;
    else await this.#place(key, signal);
    try {
      return await load();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  /** Resolves when a place is free, in the order in which it was asked for. */
  #place(key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.size >= this.#limit * WAITING_PER_PLACE) return Promise.reject(this.#shed(key));
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiting.delete(entry);
        cancel();
        signal.removeEventListener('abort', leave);
        settle();
      };
      const leave = (): void => end(() => reject(signal.reason));
      const entry: Waiting = { start: () => end(resolve) };
      const cancel = this.#clock.after(LONGEST_WAIT_MS, () => end(() => reject(this.#shed(key))));
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.add(entry);
    });
  }

  #next(): void {
    for (const { start } of this.#waiting) {
      // The place is taken in this step: nobody who comes before the waiter wakes up can slip in.
      this.#running += 1;
      start();
      return;
    }
  }

  #shed(key: string): LoadShedError {
    return new LoadShedError(key, this.#limit, LONGEST_WAIT_MS);
  }
}
