import type { Random } from './clock.ts';
import type { GroupCounters } from './counters.ts';
import type { Entry } from './entry.ts';
import type { ResolvedOptions } from './options.ts';
import type { TagState } from './tags.ts';
import type { Windows } from './windows.ts';

/** A value and its windows, in this process's time. */
export interface Dated {
  readonly value: unknown;
  /** How long the load took; 0 for a value that was not loaded. */
  readonly loadMs: number;
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
  const { storedAt, windows, loadMs, expiredAt } = dated;
  const expired = expiredAt !== undefined;
  const freshUntil = storedAt + windows.ttlMs;
  const localUntil = now + options.l1TtlMs * (1 - options.jitter * random);
  return {
    value: dated.value,
    loadBeganAt: dated.loadBeganAt,
    storedAt,
    loadMs,
    windows,
    freshUntil,
    staleUntil: expired ? Number.NEGATIVE_INFINITY : freshUntil + windows.staleWhileRevalidateMs,
    errorUntil: Math.min(freshUntil, expiredAt ?? Infinity) + windows.staleIfErrorMs,
    hitUntil: expired ? Number.NEGATIVE_INFINITY : Math.min(refreshDue(dated, options), localUntil),
    localUntil,
    tags: dated.tags,
    expired,
    retryAt: Number.NEGATIVE_INFINITY,
    failed: false,
    counters,
  };
}

/** Of all draws, one in half a billion is greater: before that many mean draws nobody refreshes. */
const EARLIEST_DRAW = 20;

/** When hits begin to refresh the value: at the end of its TTL, or ahead of it; with XFetch, when they begin to draw. */
export function refreshDue(
  { storedAt, windows: { ttlMs }, loadMs }: Pick<Dated, 'storedAt' | 'windows' | 'loadMs'>,
  { refreshAhead, xfetchBeta }: Pick<ResolvedOptions, 'refreshAhead' | 'xfetchBeta'>,
): number {
  if (ttlMs === Infinity) return Infinity;
  if (xfetchBeta > 0) return storedAt + Math.max(ttlMs - loadMs * xfetchBeta * EARLIEST_DRAW, 0);
  return storedAt + ttlMs * refreshAhead;
}

/**
 * Whether this hit, which comes after {@link refreshDue}, refreshes. With XFetch each draws for itself: the nearer the end
 * of the TTL and the longer a load takes, the likelier, so that of many hits few refresh, and seldom two at once.
 *
 * Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, PVLDB 8(8), 2015.
 */
export function refreshesNow(
  entry: Pick<Entry, 'storedAt' | 'windows' | 'freshUntil' | 'loadMs'>,
  options: Pick<ResolvedOptions, 'refreshAhead' | 'xfetchBeta'>,
  now: number,
  random: Random,
): boolean {
  const { freshUntil, loadMs } = entry;
  const { xfetchBeta } = options;
  // Whoever stored the value may have asked for more than this caller does.
  if (xfetchBeta === 0) return now >= refreshDue(entry, options);
  return now - loadMs * xfetchBeta * Math.log(1 - random.next()) >= freshUntil;
}
