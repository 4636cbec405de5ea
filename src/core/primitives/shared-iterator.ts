import { unlessAborted } from './abort.ts';
import type { Clock } from './clock.ts';
import { ignore } from './quietly.ts';
import { pause } from './timeout.ts';

/**
 * Items between two pauses in which other work gets a turn. A list whose keys are all in L1 would otherwise hold the
 * thread.
 */
const ITEMS_PER_TURN = 128;

/** Hands out a list, item by item, to several takers. It draws items only as fast as they take them. */
export class SharedIterator<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #turn: Promise<unknown> = Promise.resolve();
  #taken = 0;
  #state: 'open' | 'exhausted' | 'left' = 'open';

  /** @param signal Ends the iteration before the end of the list. */
  constructor(items: Iterable<T> | AsyncIterable<T>, clock: Clock, signal: AbortSignal) {
    this.#iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    this.#clock = clock;
    this.#signal = signal;
  }

  /** True when the iteration ended before the end of the list. */
  get wasLeft(): boolean {
    return this.#state === 'left';
  }

  /**
   * Returns the next item; `undefined` after the last one. Takers are served in turn, since not every iterator can be
   * asked twice at once.
   * @throws The error that the list throws, to one taker. For the others the list has ended.
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

  /** Tells the list that the iteration has ended. It does not wait, since the list may be busy without an end. */
  #leave(): void {
    this.#state = 'left';
    new Promise((resolve) => resolve(this.#iterator.return?.())).catch(ignore);
  }
}
