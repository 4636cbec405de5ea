/** Measures the time since the last call. */
export class IdleWatch {
  #activity = 0;
  #activeAt: number;

  constructor(now: number) {
    this.#activeAt = now;
  }

  /** @param activity A number that is another one after each call. */
  idleMs(activity: number, now: number): number {
    if (activity !== this.#activity) {
      this.#activity = activity;
      this.#activeAt = now;
    }
    return now - this.#activeAt;
  }
}
