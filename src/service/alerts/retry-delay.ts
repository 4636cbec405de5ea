const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** However much later a receiver would have it. */
const MOST_ASKED_MS = 15 * 60_000;

/**
 * How long to wait before the next try: twice as long after each, up to a minute, shortened by up to half at random so that
 * instances do not come together; and not before the receiver wants it.
 *
 * @param failures Tries so far, 1 or more.
 * @param chance From 0 to 1.
 * @param retryAfterMs What the receiver asks for; 0 for nothing.
 */
export function retryDelayMs(failures: number, chance: number, retryAfterMs: number): number {
  const backOff = Math.min(FIRST_MS * 2 ** (failures - 1), MOST_MS) * (1 - chance / 2);
  return Math.max(backOff, Math.min(retryAfterMs, MOST_ASKED_MS));
}

/**
 * What `Retry-After` asks for, in milliseconds: it holds seconds or a date (RFC 9110). 0 when there is none, or none that
 * can be read.
 *
 * @param today Milliseconds since 1970.
 */
export function readRetryAfter(text: string | null, today: number): number {
  if (text === null) return 0;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - today;
  return Number.isNaN(ms) ? 0 : Math.max(ms, 0);
}
