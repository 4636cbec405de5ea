import type { Clock } from './clock.ts';

/** Between two steps, however often somebody wakes them. */
const SHORTEST_PAUSE_MS = 10;

/** One step after another, never two at once: each says how long to wait for the next, and anybody can cut that short. */
export class PeriodicTask {
  readonly #clock: Clock;
  readonly #step: () => Promise<number>;
  #isWoken = false;
  #isClosed = false;
  #wake: () => void = () => {};
  #loop: Promise<void> | undefined;

  /** @param step Answers the milliseconds until the next; it must not reject. */
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

  /** The next step is wanted now. One that is under way may have come too early, so it is followed by another. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Waits for the step under way, which is the last. */
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
