import type { Clock } from './clock.ts';

/** Shortest time between two steps, however often callers wake the task. */
const SHORTEST_PAUSE_MS = 10;

/**
 * Runs one step after another, never two at once. Each step says how long to wait for the next; a caller can cut that
 * short.
 */
export class PeriodicTask {
  readonly #clock: Clock;
  readonly #step: () => Promise<number>;
  #isWoken = false;
  #isClosed = false;
  #wake: () => void = () => {};
  #loop: Promise<void> | undefined;

  /** @param step Resolves with the milliseconds until the next step. It must not reject. */
  constructor(clock: Clock, step: () => Promise<number>) {
    this.#clock = clock;
    this.#step = step;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Requests the next step now. A step under way may have begun too early, so another one follows it. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Ends the task, and waits for the step under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#isWoken = false;
      const ms = await this.#step();
      await this.#pause(ms);
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const restedAt = this.#clock.now() + SHORTEST_PAUSE_MS;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#wake = () => {};
        resolve();
      };
      let cancel = this.#clock.after(this.#isWoken ? SHORTEST_PAUSE_MS : ms, end);
      this.#wake = () => {
        if (this.#isClosed) return end();
        cancel();
        cancel = this.#clock.after(Math.max(restedAt - this.#clock.now(), 0), end);
      };
    });
  }
}
