const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Writes a duration for people: `42 s`, `12 min`, `5 h`. */
export function durationInWords(ms: number): string {
  if (ms < 2 * MINUTE_MS) return `${Math.round(ms / 1_000)} s`;
  if (ms < 2 * HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`;
  return `${Math.round(ms / HOUR_MS)} h`;
}

/** Writes a moment for people: `14:03:20 UTC`. */
export function momentInWords(iso: string): string {
  return `${iso.slice(11, 19)} UTC`;
}

/** Writes a ratio for people, cut and not rounded. 79.6 % must not read as 80 %, the limit that it is below. */
export function percentInWords(ratio: number): string {
  return `${Math.floor(ratio * 100)} %`;
}
