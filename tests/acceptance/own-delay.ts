const EVERY_MS = 10;

/** How late this process itself is: what it keeps waiting is not the service's fault. */
export class OwnDelay implements Disposable {
  readonly #late: { readonly at: number; readonly ms: number }[] = [];
  readonly #timer: Timer;
  #due = performance.now() + EVERY_MS;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now > this.#due) this.#late.push({ at: now, ms: now - this.#due });
      this.#due = now + EVERY_MS;
    }, EVERY_MS);
  }

  /**
   * Milliseconds by which this process was late between two moments of `performance.now()`. Ask some ticks later: what came
   * while it was late may have been taken before the tick that tells of it.
   */
  between(from: number, to: number): number {
    const ticks = this.#late.filter(({ at, ms }) => at > from && at - ms < to);
    return ticks.reduce((sum, { ms }) => sum + ms, 0);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
