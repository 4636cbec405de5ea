import { Problem } from './problem.ts';

/** Bounds the requests that wait for their answer at the same time. A request that is answered at once is not counted. */
export class RequestLimit {
  readonly #most: number;
  readonly #onRefused: () => void;
  #running = 0;

  /** @param onRefused Told of each request that finds no room. */
  constructor(most: number, onRefused: () => void = () => {}) {
    this.#most = most;
    this.#onRefused = onRefused;
  }

  /** The requests that wait now. */
  get running(): number {
    return this.#running;
  }

  /** @throws {@link Problem} 503 when the limit is reached. */
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
