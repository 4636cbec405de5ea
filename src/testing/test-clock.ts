import { setImmediate } from 'node:timers';
import { type Duration, toMs } from '../core/model/duration.ts';
import { InvalidOptionError } from '../core/model/errors.ts';
import type { Clock } from '../core/primitives/clock.ts';
import { Agenda, type Due } from './agenda.ts';

interface Timer extends Due {
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * {@link TestClock.settle} gives up after this much of the test's time. A promise that is pending then waits for
 * another clock.
 */
const PATIENCE = '1h';

/**
 * A clock that stands still until a test moves it. Nothing sleeps: an hour passes as fast as its timers can run.
 * Between two moments every promise that can settle does, so one test is one order of events on any machine.
 *
 * The clock does not know real timers and real input and output. The test itself waits for a loader that uses them.
 * @example
 * ```ts
 * import { createTestCache } from 'tiercel/testing';
 *
 * const { cache, clock } = createTestCache();
 * await cache.set('a', 1, { ttl: '1m' });
 * await clock.advance('61s');
 * await cache.get('a'); // undefined
 * ```
 */
export class TestClock implements Clock {
  readonly #agenda = new Agenda<Timer>();
  #now = 0;
  #order = 0;
  /** The present move of time. The next move waits for it. */
  #moving: Promise<void> = Promise.resolve();

  /** Returns the milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  /** Returns the same number: no host sleeps here, and no date is set. */
  wall(): number {
    return this.#now;
  }

  /**
   * Runs a function after this many milliseconds of the test's time; `Infinity` for never.
   * @returns a function that cancels it.
   */
  after(ms: number, run: () => void): () => void {
    if (ms === Infinity) return () => {};
    this.#order += 1;
    const timer: Timer = { at: this.#now + Math.max(ms, 0), order: this.#order, run, cancelled: false };
    this.#agenda.add(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /**
   * Lets time pass, and runs everything that is due in it, in order. Resolves when all that follows from it has
   * happened too.
   * @param duration Milliseconds, or text such as `'30s'`. With `0` it runs only what is due already.
   * @throws {@link InvalidOptionError} when it is no duration, or has no end.
   */
  async advance(duration: Duration): Promise<void> {
    const ms = finiteMs(duration, 'duration');
    await this.#move(async () => {
      const end = this.#now + ms;
      await everythingSettled();
      while (this.#step(end)) await everythingSettled();
      this.#now = end;
    });
  }

  /**
   * Lets time pass while the promise is pending, from one due timer to the next.
   * @param patience The most time that may pass. Default 1 h.
   * @returns the value of the promise. Rejects with its error.
   * @throws Error when the promise is still pending after that time, or when no timer is due any more.
   */
  async settle<T>(promise: Promise<T>, patience: Duration = PATIENCE): Promise<T> {
    let isPending = true;
    const end = (): void => {
      isPending = false;
    };
    promise.then(end, end);
    const ms = finiteMs(patience, 'patience');
    await this.#move(async () => {
      const deadline = this.#now + ms;
      await everythingSettled();
      while (isPending && this.#step(deadline)) await everythingSettled();
    });
    if (isPending) {
      const hint = 'does it wait for a real timer or for input and output?';
      throw new Error(`Not settled, and nothing more is due within ${patience} of the test's time; ${hint}`);
    }
    return promise;
  }

  /** Runs the next timer if it is due by then. Returns true if there was one. */
  #step(end: number): boolean {
    for (let { next } = this.#agenda; next !== undefined && next.at <= end; { next } = this.#agenda) {
      this.#agenda.take();
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now, next.at);
      next.run();
      return true;
    }
    return false;
  }

  /** Lets one caller at a time move the clock. Two that overlapped would each run the timers of the other. */
  #move(steps: () => Promise<void>): Promise<void> {
    const moved = this.#moving.then(steps);
    this.#moving = moved.catch(() => {});
    return moved;
  }
}

function finiteMs(duration: Duration, option: string): number {
  const ms = toMs(duration, option);
  if (ms === Infinity) throw new InvalidOptionError(option, duration, 'finite');
  return ms;
}

/**
 * Waits for one turn of the event loop. The platform runs every promise reaction, and its consequences, before the next
 * turn.
 */
function everythingSettled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
