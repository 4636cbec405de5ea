import type { Clock } from './clock.ts';
import type { Flight } from './flights.ts';
import type { ResolvedOptions } from './options.ts';

/**
 * One caller's wait for a flight: until its result, until the caller's own signal is aborted (the flight goes on for
 * the others), or until `softTimeout`, if a stale value has been met by then (the flight goes on for the next).
 */
export function waitFor<R>(clock: Clock, flight: Flight<R>, { signal, softTimeoutMs }: ResolvedOptions): Promise<R> {
  flight.join();
  if (signal === undefined && softTimeoutMs === Infinity) return flight.result;
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
    const offer = (): void => {
      const { candidate } = flight;
      if (candidate !== undefined) settle(() => resolve(candidate));
    };
    const cancel = softTimeoutMs === Infinity ? () => {} : clock.after(softTimeoutMs, offer);
    signal?.addEventListener('abort', leave, { once: true });
    flight.result.then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
