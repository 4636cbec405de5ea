import { Problem } from './problem.ts';

/**
 * Bounds the number of requests that wait for their answer at the same time. A request that is answered at once does not
 * count.
 */
export class RequestLimit {
  readonly #most: number;
  readonly #onRefused: () => void;
  #running = 0;

  /** @param onRefused Called for each request that finds no room. */
  constructor(most: number, onRefused: () => void = () => {}) {
    this.#most = most;
    this.#onRefused = onRefused;
  }

  /** The number of requests that wait now. */
  get running(): number {
    return this.#running;
  }

  /**
   * Refuses a request when the limit is reached.
   * @throws {@link Problem} 503
   */
  assertRoom(): void {
    if (this.#running < this.#most) return;
    this.#onRefused();
    throw new Problem(503, 'Too many requests are being answered already', { 'retry-after': '1' });
  }

  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
  }
}
