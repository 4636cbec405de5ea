import type { ResolvedOptions } from './options.ts';

/** How long a value is of use, in milliseconds. The stale windows count from the end of the TTL. */
export interface Lifetime {
  readonly ttlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/**
 * The windows of one value. `null` has a TTL of its own, and no old value that could serve.
 * @param ownTtlMs What the loader said of this value.
 */
export function lifetimeOf(value: unknown, options: ResolvedOptions, ownTtlMs?: number): Lifetime {
  const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs, negativeTtlMs } = options;
  if (value === null) return { ttlMs: ownTtlMs ?? negativeTtlMs, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
  return { ttlMs: ownTtlMs ?? ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
}

/** The windows with a TTL shortened at random, so that keys written together do not expire together. */
export function jittered(lifetime: Lifetime, jitter: number, random: number): Lifetime {
  const { ttlMs } = lifetime;
  return ttlMs === Infinity ? lifetime : { ...lifetime, ttlMs: ttlMs * (1 - jitter * random) };
}

/** From when it is stored until nothing can be done with it any more. */
export function usefulForMs({ ttlMs, staleWhileRevalidateMs, staleIfErrorMs }: Lifetime): number {
  return ttlMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
}

/**
 * Longest stay of a record in L2, whatever its windows: a year. What a `clear` or the end of a tag has made useless is found
 * again by nothing, so it must go by itself. What is still of use then is loaded once more.
 */
const LONGEST_STAY_MS = 365 * 24 * 60 * 60 * 1_000;

/** How long L2 keeps a record that is of use for so long: whole milliseconds, at least one. */
export function recordStayMs(usefulMs: number): number {
  return Math.min(Math.max(Math.ceil(usefulMs), 1), LONGEST_STAY_MS);
}
