import type { Random } from '../primitives/clock.ts';
import type { GroupCounters } from './counters.ts';
import type { Lifetime } from './lifetime.ts';
import type { ResolvedOptions } from './options.ts';
import type { TagState } from './tags.ts';

/** Whether an entry may answer, flagged as stale, when there is nothing better. */
export function mayServeOnError(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && now < errorEnd(entry) && freshnessOf(entry, now) !== undefined;
}

/**
 * A value as L1 holds it. All times are milliseconds of this process's monotonic clock and are computed once, when the
 * entry is made, so that a hit compares numbers and nothing else.
 */
export interface Entry {
  /** Decoded once, deeply frozen unless that is off, handed to every caller as it is. */
  readonly value: unknown;
  /** When the load that gave the value began, or as near as this process knows from below. */
  readonly loadBeganAt: number;
  /** When the value was stored first, wherever that was. */
  readonly storedAt: number;
  /** How long the load took; 0 for a value that was not loaded. */
  readonly loadMs: number;
  /** As it was stored with; the moments below are made of them. */
  readonly lifetime: Lifetime;
  /** End of the TTL, or the moment at which `expire` ended it. */
  readonly freshUntil: number;
  /** End of `staleWhileRevalidate`. */
  readonly staleUntil: number;
  /** End of `staleIfError`. */
  readonly errorUntil: number;
  /** Up to here a hit needs no further question: fresh, within L1's own TTL and before refresh-ahead. */
  readonly hitUntil: number;
  /** End of L1's own TTL: beyond it the entry is only good for {@link errorUntil}. */
  readonly localUntil: number;
  /** The tags' generations that were current before the load began, by reference. */
  readonly tags: readonly TagState[];
  /** Marked by `expire`: never fresh, only for {@link errorUntil}. */
  readonly expired: boolean;
  /** No refresh of this entry begins before: somebody else is at it, or the last one failed. */
  readonly retryAt: number;
  /** The last load of this key failed: until {@link retryAt} that stands for another try. */
  readonly failed: boolean;
  /** Counters of the key's group, so that a hit looks nothing up. */
  readonly counters: GroupCounters;
  /** Of a `set` with a version in a cache without an L2, which would hold it otherwise. */
  readonly version?: number;
}

/** Whether every tag of an entry is as it was when the entry was made; no index, one comparison a tag. */
export function tagsAreCurrent(tags: readonly TagState[]): boolean {
  for (let index = 0; index < tags.length; index += 1) if (tags[index]?.status !== 'current') return false;
  return true;
}

/**
 * Until when an entry may answer for a source that failed: a window that counts from the end of its TTL or, if it was
 * expired before, from then. Not at all without a window: a TTL alone promises nothing about what others changed.
 */
export function errorEnd({ errorUntil, lifetime, tags }: Entry): number {
  if (lifetime.staleIfErrorMs === 0) return Number.NEGATIVE_INFINITY;
  return tags.reduce((end, { expiredAt }) => Math.min(end, expiredAt + lifetime.staleIfErrorMs), errorUntil);
}

/** When an entry ceased or will cease to be fresh: by its TTL, by `expire`, or because one of its tags was expired. */
export function freshEnd({ freshUntil, tags }: Entry): number {
  return tags.reduce((end, { expiredAt }) => Math.min(end, expiredAt), freshUntil);
}

/** State of an entry at a time. `expired` may still serve `staleIfError`. */
export type Freshness = 'fresh' | 'stale' | 'expired';

/** Where an entry stands at `now`; `undefined` when an invalidation has ended it. */
export function freshnessOf(entry: Entry, now: number): Freshness | undefined {
  let isExpired = entry.expired;
  for (const { status } of entry.tags) {
    if (status === 'gone') return undefined;
    if (status === 'expired') isExpired = true;
  }
  if (isExpired) return 'expired';
  if (now < entry.freshUntil) return 'fresh';
  return now < entry.staleUntil ? 'stale' : 'expired';
}

/** A value and its windows, in this process's time. */
export interface Dated {
  readonly value: unknown;
  /** How long the load took; 0 for a value that was not loaded. */
  readonly loadMs: number;
  readonly storedAt: number;
  readonly lifetime: Lifetime;
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
  const { storedAt, lifetime, loadMs, expiredAt } = dated;
  const expired = expiredAt !== undefined;
  const freshUntil = Math.min(storedAt + lifetime.ttlMs, expiredAt ?? Infinity);
  const localUntil = now + options.l1TtlMs * (1 - options.jitter * random);
  return {
    value: dated.value,
    loadBeganAt: dated.loadBeganAt,
    storedAt,
    loadMs,
    lifetime,
    freshUntil,
    staleUntil: expired ? Number.NEGATIVE_INFINITY : freshUntil + lifetime.staleWhileRevalidateMs,
    errorUntil: freshUntil + lifetime.staleIfErrorMs,
    hitUntil: expired ? Number.NEGATIVE_INFINITY : Math.min(refreshDue(dated, options), localUntil),
    localUntil,
    tags: dated.tags,
    expired,
    retryAt: Number.NEGATIVE_INFINITY,
    failed: false,
    counters,
  };
}

/** The entry as `expire` leaves it at `now`: for `staleIfError` only, counted from then. */
export function expiredAt(entry: Entry, now: number): Entry {
  return {
    ...entry,
    expired: true,
    freshUntil: Math.min(entry.freshUntil, now),
    hitUntil: Number.NEGATIVE_INFINITY,
    staleUntil: Number.NEGATIVE_INFINITY,
    errorUntil: Math.min(entry.errorUntil, now + entry.lifetime.staleIfErrorMs),
  };
}

/** Of all draws, one in half a billion is greater: before that many mean draws nobody refreshes. */
const EARLIEST_DRAW = 20;

/** When hits begin to refresh the value: at the end of its TTL, or ahead of it; with XFetch, when they begin to draw. */
export function refreshDue(
  { storedAt, lifetime: { ttlMs }, loadMs }: Pick<Dated, 'storedAt' | 'lifetime' | 'loadMs'>,
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
  entry: Pick<Entry, 'storedAt' | 'lifetime' | 'freshUntil' | 'loadMs'>,
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
