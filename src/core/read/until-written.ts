import type { ResolvedOptions } from '../model/options.ts';
import { unlessAborted } from '../primitives/abort.ts';
import { ignore } from '../primitives/quietly.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { ReadRequest } from '../state/request.ts';

/** Returns the longest wait for a `set`: the time limit of L2, or a shorter limit of the caller. */
export function longestWaitForSet({ l2TimeoutMs, softTimeoutMs, hardTimeoutMs }: ResolvedOptions): number {
  return Math.min(l2TimeoutMs, softTimeoutMs, hardTimeoutMs);
}

/**
 * Waits while this process sets the key, so that a reader gets the value that is set and does not load another. A load
 * that begins during the `set` is stored nowhere (race 36).
 * @param look Looks into L1 at the end of each `set`, because the next one may follow at once.
 * @returns the result of `look`; nothing when no `set` is under way any more, or the time is over.
 * @throws the reason of the caller's signal.
 */
export async function untilWritten<T>(
  { clock, flights }: Pick<CacheContext, 'clock' | 'flights'>,
  { id, options }: Pick<ReadRequest, 'id' | 'options'>,
  look: () => T | undefined,
  until = clock.now() + longestWaitForSet(options),
): Promise<T | undefined> {
  const { signal } = options;
  for (let set = flights.writeOf(id); set !== undefined; set = flights.writeOf(id)) {
    const now = clock.now();
    if (now >= until) return undefined;
    const ended = set.result.then(ignore, ignore);
    try {
      await withTimeout(clock, until - now, signal === undefined ? ended : unlessAborted(ended, signal));
    } catch (error) {
      if (!(error instanceof TimeoutExceeded)) throw error;
    }
    const found = look();
    if (found !== undefined) return found;
  }
  return undefined;
}
