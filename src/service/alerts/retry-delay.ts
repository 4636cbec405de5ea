const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** A receiver that asks for more time than this gets no more. Milliseconds. */
const MOST_ASKED_MS = 15 * 60_000;

/**
 * Returns the milliseconds to wait before the next try. The wait doubles with each failure, up to a minute. Chance
 * shortens it by up to half, so that instances do not try together. It is never shorter than the receiver asks.
 *
 * @param failures The failed tries so far, 1 or more.
 * @param chance A random number from 0 to 1.
 * @param retryAfterMs The wait that the receiver asks for; 0 for none.
 */
export function retryDelayMs(failures: number, chance: number, retryAfterMs: number): number {
  const backOff = Math.min(FIRST_MS * 2 ** (failures - 1), MOST_MS) * (1 - chance / 2);
  return Math.max(backOff, Math.min(retryAfterMs, MOST_ASKED_MS));
}

/**
 * Reads `Retry-After`, which holds seconds or a date (RFC 9110).
 *
 * @param today Milliseconds since 1970.
 * @returns milliseconds; 0 when the header is absent or cannot be read.
 */
export function readRetryAfter(text: string | null, today: number): number {
  if (text === null) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - today;
  return Number.isNaN(ms) ? 0 : Math.max(ms, 0);
}
