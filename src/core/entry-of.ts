import type { GroupCounters } from './counters.ts';
import type { Entry } from './entry.ts';
import type { ResolvedOptions } from './options.ts';
import type { TagState } from './tags.ts';
import type { Windows } from './windows.ts';

/** What an entry costs beside its value: the object, its times, its place in the store. */
const ENTRY_OVERHEAD_BYTES = 320;

/** A value and its windows, in this process's time. */
export interface Dated {
  readonly value: unknown;
  /** Length of the value's encoded form. */
  readonly size: number;
  readonly storedAt: number;
  readonly windows: Windows;
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
  const { storedAt, windows, expiredAt } = dated;
  const expired = expiredAt !== undefined;
  const freshUntil = storedAt + windows.ttlMs;
  const localUntil = now + options.l1TtlMs * (1 - options.jitter * random);
  return {
    value: dated.value,
    bytes: ENTRY_OVERHEAD_BYTES + dated.size,
    loadBeganAt: dated.loadBeganAt,
    storedAt,
    windows,
    freshUntil,
    staleUntil: expired ? Number.NEGATIVE_INFINITY : freshUntil + windows.staleWhileRevalidateMs,
    errorUntil: Math.min(freshUntil, expiredAt ?? Infinity) + windows.staleIfErrorMs,
    hitUntil: expired ? Number.NEGATIVE_INFINITY : Math.min(refreshDue(storedAt, windows, options), localUntil),
    localUntil,
    tags: dated.tags,
    expired,
    retryAt: Number.NEGATIVE_INFINITY,
    failed: false,
    counters,
  };
}

/** When a hit begins to refresh the value: at the end of its TTL, or ahead of it. */
export function refreshDue(storedAt: number, { ttlMs }: Windows, { refreshAhead }: ResolvedOptions): number {
  return storedAt + (ttlMs === Infinity ? ttlMs : ttlMs * refreshAhead);
}
