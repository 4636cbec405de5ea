import { isCacheError } from '../../../src/index.ts';
import type { History, WaitRecord } from '../history.ts';
import { ms, type Violation } from './violation.ts';

/** Timers of a moment that is over run within this time. */
const SLACK_MS = 2;

/**
 * A caller waits no longer than its own `hardTimeout`, whichever callers have begun what it waits for, and an error says so
 * with its own limit. While its process stands, no time is counted.
 */
export function checkOwnTime({ waits, pauses }: History, skew: number): Violation[] {
  return waits.flatMap((wait) => {
    const { instance, key, start, end, limit, error } = wait;
    const stood = pauses
      .filter((pause) => pause.instance === instance && pause.start < end && pause.end > start)
      .reduce((sum, pause) => sum + pause.end - pause.start, 0);
    const waited = end - start;
    if (waited > limit * (1 + 2 * skew) + stood + SLACK_MS) {
      const message = `${instance} kept a caller of ${key} for ${ms(waited)}, whose limit was ${ms(limit)}`;
      return [{ invariant: 'own time' as const, at: end, message }];
    }
    if (!isForeign(wait)) return [];
    const message = `${instance} told a caller of ${key}, whose limit was ${ms(limit)}: ${String(error)}`;
    return [{ invariant: 'own time' as const, at: end, message }];
  });
}

/** Whether the error names the limit of another caller. */
function isForeign({ error, limit }: WaitRecord): boolean {
  if (!isCacheError(error) || error.code !== 'LOAD_TIMEOUT') return false;
  return !error.message.endsWith(`hardTimeout of ${limit} ms`);
}
