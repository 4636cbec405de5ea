import type { ResolvedOptions } from './options.ts';

/** How long a value is of use, in milliseconds. The stale windows count from the end of the TTL. */
export interface Windows {
  readonly ttlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/**
 * The windows of one value. `null` has a TTL of its own, and no old value that could serve.
 * @param ownTtlMs What the loader said of this value.
 */
export function windowsOf(value: unknown, options: ResolvedOptions, ownTtlMs?: number): Windows {
  const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs, negativeTtlMs } = options;
  if (value === null) return { ttlMs: ownTtlMs ?? negativeTtlMs, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };
  return { ttlMs: ownTtlMs ?? ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
}

/** The windows with a TTL shortened at random, so that keys written together do not expire together. */
export function jittered(windows: Windows, jitter: number, random: number): Windows {
  const { ttlMs } = windows;
  return ttlMs === Infinity ? windows : { ...windows, ttlMs: ttlMs * (1 - jitter * random) };
}

/** From when it is stored until nothing can be done with it any more. */
export function usefulForMs({ ttlMs, staleWhileRevalidateMs, staleIfErrorMs }: Windows): number {
  return ttlMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
}
