import { Problem } from './problem.ts';

/** How many requests may wait for their answer at once. What is answered at once waits for nothing and is not counted. */
export class RequestLimit {
  readonly #most: number;
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Requests that wait for their answer. */
  get running(): number {
    return this.#running;
  }

  /** @throws {@link Problem} 503 when so many requests wait already. */
  assertRoom(): void {
    if (this.#running >= this.#most)
      throw new Problem(503, 'Too many requests are being answered already', { 'retry-after': '1' });
  }

  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
  }
}
