import type { Clock } from './clock.ts';

/** Error of a promise that did not settle in time. It does not leave the core. */
export class TimeoutExceeded extends Error {
  override readonly name = 'TimeoutExceeded';
  readonly budgetMs: number;
  constructor(budgetMs: number) {
    super(`No answer within ${budgetMs} ms`);
    this.budgetMs = budgetMs;
  }
}

/**
 * Settles like `work`, or rejects with {@link TimeoutExceeded} after `budgetMs`. A value that `work` brings later goes
 * to `onLate`. Its later rejection is dropped, since the caller already has an error. The process does not end before,
 * whatever the budget, because a caller waits.
 * @param moreMs Returns how much longer to wait, when the budget is over. Default: no longer.
 */
export function withTimeout<T>(
  clock: Clock,
  budgetMs: number,
  work: Promise<T>,
  onLate?: (value: T) => void,
  moreMs: () => number = noMore,
): Promise<T> {
  if (budgetMs === Infinity) return work.finally(clock.after(Infinity, noMore, true));
  return new Promise<T>((resolve, reject) => {
    let late = false;
    const giveUp = (): void => {
      late = true;
      reject(new TimeoutExceeded(budgetMs));
    };
    const endTime = (): void => {
      const more = moreMs();
      // A process that was held up runs its timers first. Answers that have arrived get one turn before they count as
      // late.
      cancel = more > 0 ? clock.after(more, endTime, true) : clock.after(0, giveUp);
    };
    let cancel = clock.after(budgetMs, endTime, true);
    work.then(
      (value) => {
        if (late) onLate?.(value);
        else {
          cancel();
          resolve(value);
        }
      },
      (error: unknown) => {
        if (late) return;
        cancel();
        reject(error);
      },
    );
  });
}

/** Resolves after `ms`, or at once when `signal` is aborted. Never rejects. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end, true);
    signal.addEventListener('abort', end, { once: true });
  });
}

function noMore(): number {
  return 0;
}
