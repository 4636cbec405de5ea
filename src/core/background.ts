/** Work that outlives the call that began it. Nothing is fire-and-forget: {@link drain} waits for all of it. */
export class BackgroundTasks {
  readonly #running = new Set<Promise<void>>();
  readonly #onError: (error: unknown) => void;

  /** @param onError Told of a task that rejected; tasks are expected to handle their own errors. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#running.size;
  }

  track(task: Promise<unknown>): void {
    const settled: Promise<void> = task
      .then(
        () => {},
        (error: unknown) => this.#onError(error),
      )
      .finally(() => this.#running.delete(settled));
    this.#running.add(settled);
  }

  /** Resolves when nothing is running, tasks that running tasks began included. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
