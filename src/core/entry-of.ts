import type { GroupCounters } from './counters.ts';
import type { Entry } from './entry.ts';
import type { ResolvedOptions } from './options.ts';
import type { TagState } from './tags.ts';
import type { Windows } from './windows.ts';

/** What an entry costs beside its value: the object, its times, its place in the store. */
const ENTRY_OVERHEAD_BYTES = 320;

/** A value and its windows, in this process's time. */
export interface Dated extends Windows {
  readonly value: unknown;
  /** Length of the value's encoded form. */
  readonly size: number;
  readonly storedAt: number;
  readonly tags: readonly TagState[];
  readonly loadBeganAt: number;
  /** When it was expired, if it was. */
  readonly expiredAt?: number | undefined;
}

/** Makes an L1 entry; every time that a hit will compare is computed here, once. */
export function entryOf(
  dated: Dated,
  options: ResolvedOptions,
  now: number,
  random: number,
  counters: GroupCounters,
): Entry {
  const { storedAt, ttlMs, expiredAt } = dated;
  const expired = expiredAt !== undefined;
  const freshUntil = storedAt + ttlMs;
  const localUntil = now + options.l1TtlMs * (1 - options.jitter * random);
  const refreshAt = options.refreshAhead < 1 ? storedAt + ttlMs * options.refreshAhead : Infinity;
  return {
    value: dated.value,
    bytes: ENTRY_OVERHEAD_BYTES + dated.size,
    loadBeganAt: dated.loadBeganAt,
    storedAt,
    freshUntil,
    staleUntil: expired ? Number.NEGATIVE_INFINITY : freshUntil + dated.staleWhileRevalidateMs,
    errorUntil: Math.min(freshUntil, expiredAt ?? Infinity) + dated.staleIfErrorMs,
    hitUntil: expired ? Number.NEGATIVE_INFINITY : Math.min(freshUntil, localUntil, refreshAt),
    localUntil,
    tags: dated.tags,
    expired,
    retryAt: Number.NEGATIVE_INFINITY,
    failed: false,
    counters,
  };
}

/** A TTL shortened at random, so that keys written together do not expire together. */
export function jittered(ttlMs: number, jitter: number, random: number): number {
  return ttlMs === Infinity ? ttlMs : ttlMs * (1 - jitter * random);
}
