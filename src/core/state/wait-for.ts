import type { ResolvedOptions } from '../model/options.ts';
import type { Clock } from '../primitives/clock.ts';
import type { Flight } from './flight.ts';

/**
 * One caller's wait for a flight: until its result, until the caller's own signal is aborted (the flight goes on for
 * the others), or from `softTimeout` on, a stale value that has been met (the flight goes on for the next). Nobody waits
 * for a refresh behind a value that is still of use, unless it is the load that is wanted.
 */
export function waitFor<R>(
  clock: Clock,
  flight: Flight<R>,
  { signal, softTimeoutMs }: ResolvedOptions,
  wanted: 'an answer' | 'the load' = 'an answer',
): Promise<R> {
  flight.join();
  const mayStandIn = flight.background && wanted === 'an answer';
  if (signal === undefined && softTimeoutMs === Infinity && !mayStandIn) return flight.result;
  return new Promise<R>((resolve, reject) => {
    const settle = (end: () => void): void => {
      cancel();
      signal?.removeEventListener('abort', leave);
      end();
    };
    const leave = (): void =>
      settle(() => {
        flight.leave(signal?.reason);
        reject(signal?.reason);
      });
    const takeStale = (): void => void flight.candidate.then((stale) => settle(() => resolve(stale)));
    const cancel = softTimeoutMs === Infinity ? () => {} : clock.after(softTimeoutMs, takeStale);
    signal?.addEventListener('abort', leave, { once: true });
    if (mayStandIn) void flight.standIn.then((standIn) => standIn.serves() && settle(() => resolve(standIn.answer)));
    flight.result.then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
