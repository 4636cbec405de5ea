import { setImmediate } from 'node:timers';
import { type Duration, toMs } from '../core/model/duration.ts';
import { InvalidOptionError } from '../core/model/errors.ts';
import type { Clock } from '../core/primitives/clock.ts';
import { Agenda, type Due } from './agenda.ts';

interface Timer extends Due {
  readonly run: () => void;
  cancelled: boolean;
}

/** What has not settled after so long in the test's time waits for something that is not of the test's time. */
const PATIENCE = '1h';

/**
 * Time that stands still until a test moves it. Nothing sleeps: an hour passes as fast as what is due in it can be done.
 * Between two moments every promise that can settle does, so one test is one order of events on any machine.
 *
 * It knows nothing of real timers and real input and output: a loader that waits for those is waited for by the test.
 */
export class TestClock implements Clock {
  readonly #agenda = new Agenda<Timer>();
  #now = 0;
  #order = 0;
  /** Who moves time now; the next one waits. */
  #moving: Promise<void> = Promise.resolve();

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  /** The same, as nobody sets the date and no host sleeps. */
  wall(): number {
    return this.#now;
  }

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
   * Lets so much time pass, and everything happen that is due in it, in its order. Resolves when all that follows from it
   * has happened too.
   * @param duration Milliseconds, or text such as `'30s'`; `0` only lets happen what is due already.
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
   * Lets time pass for as long as the promise is pending, and no longer: from one thing that is due to the next.
   * @param patience The most that may pass. Default 1 h.
   * @returns what it resolves with; it rejects as the promise does.
   * @throws Error when it is still pending after that, or nothing is due any more.
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

  /** Makes the next thing happen if it is due by then; says whether there was one. */
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

  /** One mover at a time: two that overlapped would each take what is due for the other. */
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

/** A turn of the event loop: the platform runs every promise reaction, and what follows from it, before the next one. */
function everythingSettled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
