import { InvalidOptionError } from './errors.ts';

/**
 * A length of time: a number of milliseconds, or a number with a unit. It is at most 1,000 years. `Infinity` never
 * ends; `0` is no time at all.
 */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h` | `${number}d`;

const SECOND = 1_000;

const MINUTE = 60 * SECOND;

const HOUR = 60 * MINUTE;

/** Milliseconds of each unit. */
export const UNITS_MS = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: 24 * HOUR } as const;

/**
 * Longest finite duration: 1,000 years. Servers add a duration to the present date and store the sum as an integer.
 * They refuse a longer one. A caller who wants no end writes `Infinity`.
 */
export const LONGEST_DURATION_MS = 365_250 * UNITS_MS.d;

/** Durations that were parsed before. Programs write few of them and pass them with every call. */
const READ_BEFORE = new Map<Duration, number>();

const MOST_REMEMBERED = 1_000;

const WRITTEN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Returns the milliseconds of a {@link Duration}.
 * @param option The name of the option in the error.
 * @throws {@link InvalidOptionError} when it is negative, NaN, finite and above 1,000 years, or not of the written
 *   form.
 */
export function toMs(duration: Duration, option: string): number {
  if (typeof duration === 'number' && duration >= 0 && (duration <= LONGEST_DURATION_MS || duration === Infinity))
    return duration;
  const known = READ_BEFORE.get(duration);
  if (known !== undefined) return known;
  const written = typeof duration === 'string' ? WRITTEN.exec(duration) : null;
  const ms = written === null ? Number.NaN : Number(written[1]) * UNITS_MS[written[2] as keyof typeof UNITS_MS];
  if (!(ms <= LONGEST_DURATION_MS)) {
    throw new InvalidOptionError(
      option,
      duration,
      "milliseconds (0 or more) or a duration like '250ms', '30s', '5m', '1h', '1d', of at most 1,000 years, or Infinity",
    );
  }
  if (READ_BEFORE.size < MOST_REMEMBERED) READ_BEFORE.set(duration, ms);
  return ms;
}
