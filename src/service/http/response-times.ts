import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { DURATION_SLOTS, slotOf, startOfSlot } from './duration-histogram.ts';
import type { RouteHandler } from './route.ts';

/** In one part of time, this many pending answers are all timed. After that one timed answer stands for several. */
const TIMED_AT_FIRST = 1_000;

const STANDS_FOR = 8;

/** Counts the durations of recent answers. The window consists of parts of time, and the oldest part is dropped. */
export class AnswerTimes {
  readonly #parts: readonly Uint32Array[];
  #index = 0;
  #current: Uint32Array;
  #waited = 0;

  /** @param parts The number of parts in the window, the present one included. */
  constructor(parts: number) {
    this.#parts = Array.from({ length: parts }, () => new Uint32Array(DURATION_SLOTS));
    this.#current = this.#part(0);
  }

  /** Counts an answer that was there at once. */
  addImmediate(): void {
    this.#current[0] = (this.#current[0] ?? 0) + 1;
  }

  /**
   * Returns the number of answers for which the next pending answer stands. 0 means that it need not be timed. With
   * thousands of answers, two readings of the clock for each would cost too much, and a sample tells as much.
   */
  weigh(): number {
    this.#waited += 1;
    if (this.#waited <= TIMED_AT_FIRST) return 1;
    return this.#waited % STANDS_FOR === 0 ? STANDS_FOR : 0;
  }

  /** Counts an answer of this duration with the weight that {@link weigh} has returned. */
  add(ms: number, weight = 1): void {
    const slot = slotOf(ms);
    this.#current[slot] = (this.#current[slot] ?? 0) + weight;
  }

  /** Begins the next part of time. */
  rotate(): void {
    this.#index = (this.#index + 1) % this.#parts.length;
    this.#current = this.#part(this.#index);
    this.#current.fill(0);
    this.#waited = 0;
  }

  /**
   * Returns the number of answers in the window, and the longest duration of the given ratio of them. The duration is in
   * milliseconds, never above the truth and at most a sixteenth below it. It is 0 while there are no answers.
   */
  reading(ratio: number): { readonly answers: number; readonly ms: number } {
    const sums = new Float64Array(DURATION_SLOTS);
    let answers = 0;
    for (const part of this.#parts) {
      for (const [slot, count] of part.entries()) {
        sums[slot] = (sums[slot] ?? 0) + count;
        answers += count;
      }
    }
    let left = Math.ceil(answers * ratio);
    const slot = sums.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return { answers, ms: startOfSlot(Math.max(slot, 0)) };
  }

  #part(index: number): Uint32Array {
    const part = this.#parts[index];
    if (part === undefined) throw new RangeError(`AnswerTimes has no part ${index}`);
    return part;
  }
}

/**
 * Returns a handler that counts its answers. An immediate answer counts as a duration of zero: a hit from memory reads no
 * clock and costs one addition. A request that is refused at once by a throw does not count.
 */
export function timed(handle: RouteHandler, times: AnswerTimes, clock: Pick<Clock, 'now'> = systemClock): RouteHandler {
  return (context) => {
    const answer = handle(context);
    if (answer instanceof Promise) follow(answer, times, clock);
    else times.addImmediate();
    return answer;
  };
}

function follow(answer: Promise<unknown>, times: AnswerTimes, clock: Pick<Clock, 'now'>): void {
  const weight = times.weigh();
  if (weight === 0) return;
  const began = clock.now();
  const end = (): void => times.add(clock.now() - began, weight);
  // The count runs beside the answer, so the client does not wait for it.
  answer.then(end, end);
}
