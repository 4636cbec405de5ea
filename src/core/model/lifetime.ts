import type { ResolvedOptions } from './options.ts';

/** The time for which a value is of use, in milliseconds. The stale windows count from the end of the TTL. */
export interface Lifetime {
  readonly ttlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/**
 * Returns the windows of one value. `null` has a TTL of its own, and no stale windows.
 * @param ownTtlMs The TTL that the loader set for this value.
 */
export function lifetimeOf(value: unknown, options: ResolvedOptions, ownTtlMs?: number): Lifetime {
  const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs, negativeTtlMs } = options;
  if (value === null) return { ttlMs: ownTtlMs ?? negativeTtlMs, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
  return { ttlMs: ownTtlMs ?? ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
}

/** Shortens a TTL at random, so that keys written together do not expire together. */
export function jittered(lifetime: Lifetime, jitter: number, random: number): Lifetime {
  const { ttlMs } = lifetime;
  return ttlMs === Infinity ? lifetime : { ...lifetime, ttlMs: ttlMs * (1 - jitter * random) };
}

/** Returns the time from the store of a value until no read can use it any more. */
export function usefulForMs({ ttlMs, staleWhileRevalidateMs, staleIfErrorMs }: Lifetime): number {
  return ttlMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
}

/**
 * Longest stay of a record in L2: a year. A `clear` or the end of a tag leaves records that no later call finds, so
 * they must expire by themselves. A value that is of use for longer is loaded once more.
 */
const LONGEST_STAY_MS = 365 * 24 * 60 * 60 * 1_000;

/**
 * Returns the time for which L2 keeps a record that is of use for `usefulMs`, in whole milliseconds. It is at least 1.
 */
export function recordStayMs(usefulMs: number): number {
  return Math.min(Math.max(Math.ceil(usefulMs), 1), LONGEST_STAY_MS);
}
