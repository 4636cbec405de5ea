/** Tracks work that outlives the call that began it. {@link drain} waits for all of it, so no promise is left alone. */
export class BackgroundTasks {
  readonly #onError: (error: unknown) => void;
  #running = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param onError Receives the error of a task that rejects. Tasks are expected to handle their own errors. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#running;
  }

  /** @param onError Receives the error of this task instead. */
  track(task: Promise<unknown>, onError = this.#onError): void {
    this.#running += 1;
    task.then(this.#end, (error: unknown) => {
      onError(error);
      this.#end();
    });
  }

  /** Resolves when no task runs. It also waits for tasks that running tasks begin. */
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
