/** Work that outlives the call that began it. Nothing is fire-and-forget: {@link drain} waits for all of it. */
export class BackgroundTasks {
  readonly #onError: (error: unknown) => void;
  #running = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param onError Told of a task that rejected; tasks are expected to handle their own errors. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#running;
  }

  /** @param onError Told instead if this task rejects. */
  track(task: Promise<unknown>, onError = this.#onError): void {
    this.#running += 1;
    task.then(this.#end, (error: unknown) => {
      onError(error);
      this.#end();
    });
  }

  /** Resolves when nothing is running, tasks that running tasks began included. */
  async drain(): Promise<void> {
    while (this.#running > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  readonly #end = (): void => {
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  };
}
