import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { DURATION_SLOTS, slotOf, startOfSlot } from './duration-histogram.ts';
import type { RouteHandler } from './route.ts';

/** Of the answers that are waited for in one part of time, so many are all timed; of the rest, one stands for several. */
const TIMED_AT_FIRST = 1_000;

const STANDS_FOR = 8;

/** How long answers take lately: counted as they come, in parts of time of which the oldest is forgotten. */
export class AnswerTimes {
  readonly #parts: readonly Uint32Array[];
  #index = 0;
  #current: Uint32Array;
  #waited = 0;

  /** @param parts That the window consists of, the present one included. */
  constructor(parts: number) {
    this.#parts = Array.from({ length: parts }, () => new Uint32Array(DURATION_SLOTS));
    this.#current = this.#part(0);
  }

  /** Counts an answer that was there at once. */
  addImmediate(): void {
    this.#current[0] = (this.#current[0] ?? 0) + 1;
  }

  /**
   * How many answers the next one that is waited for stands for; 0: it need not be timed. Where there are thousands, reading
   * the clock twice for each would be felt, and a part of them tells as much.
   */
  weigh(): number {
    this.#waited += 1;
    if (this.#waited <= TIMED_AT_FIRST) return 1;
    return this.#waited % STANDS_FOR === 0 ? STANDS_FOR : 0;
  }

  /** Counts an answer that took so many milliseconds, as often as {@link weigh} has said. */
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
   * Answers in the window, and what the given ratio of them takes at most, in milliseconds: never more than the truth, and
   * at most a sixteenth less. 0 while there are none.
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
 * A handler whose answers are counted. One that answers at once has waited for nobody, so its time is none: a hit from
 * memory reads no clock and costs an addition. What it refuses at once by throwing is not counted.
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
  // Beside the answer and not before it: nobody waits for the count.
  answer.then(end, end);
}
