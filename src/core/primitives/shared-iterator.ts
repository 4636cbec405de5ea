import { unlessAborted } from './abort.ts';
import type { Clock } from './clock.ts';
import { ignore } from './quietly.ts';
import { pause } from './timeout.ts';

/** After so many items everybody else gets a turn: a list whose keys are all in L1 would hold the thread to its end. */
const ITEMS_PER_TURN = 128;

/** Hands out a list one by one to several takers, drawn only as fast as they take. */
export class SharedIterator<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #turn: Promise<unknown> = Promise.resolve();
  #taken = 0;
  #state: 'open' | 'exhausted' | 'left' = 'open';

  /** @param signal Ends the supply before its end. */
  constructor(items: Iterable<T> | AsyncIterable<T>, clock: Clock, signal: AbortSignal) {
    this.#iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Whether the list was left before its end. */
  get wasLeft(): boolean {
    return this.#state === 'left';
  }

  /**
   * The next item, `undefined` when there is none any more. One after the other: not every iterator can be asked twice at once.
   * @throws what the list throws, to one taker; for the others it has ended.
   */
  take(): Promise<T | undefined> {
    const taken = this.#turn.then(() => this.#next());
    this.#turn = taken.catch(ignore);
    return taken;
  }

  async #next(): Promise<T | undefined> {
    if (this.#state !== 'open') return undefined;
    this.#taken += 1;
    if (this.#taken % ITEMS_PER_TURN === 0) await pause(this.#clock, 0, this.#signal);
    try {
      const step = await unlessAborted(Promise.resolve(this.#iterator.next()), this.#signal);
      if (step.done !== true) return step.value;
      this.#state = 'exhausted';
    } catch (error) {
      if (!this.#signal.aborted) {
        this.#state = 'exhausted';
        throw error;
      }
      this.#leave();
    }
    return undefined;
  }

  /** The list is told, and not waited for: what it is busy with may take for ever. */
  #leave(): void {
    this.#state = 'left';
    new Promise((resolve) => resolve(this.#iterator.return?.())).catch(ignore);
  }
}
