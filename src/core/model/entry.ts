import type { Random } from '../primitives/clock.ts';
import type { GroupCounters } from './counters.ts';
import type { Lifetime } from './lifetime.ts';
import type { ResolvedOptions } from './options.ts';
import type { TagState } from './tags.ts';

/** Returns true when an entry may answer for a source that failed. The answer is flagged as stale. */
export function mayServeOnError(entry: Entry | undefined, now: number): entry is Entry {
  return entry !== undefined && now < errorEnd(entry) && freshnessOf(entry, now) !== undefined;
}

/**
 * A value as L1 holds it. All times are milliseconds of this process's monotonic clock. They are computed once, when
 * the entry is made, so a hit only compares numbers.
 */
export interface Entry {
  /** Decoded once and handed to every caller as it is. It is deeply frozen unless `freeze` is off. */
  readonly value: unknown;
  /** Start of the load that gave the value. Where this process does not know it, it is a moment that is not later. */
  readonly loadBeganAt: number;
  /** Moment at which the value was first stored, in any tier. */
  readonly storedAt: number;
  /** Duration of the load; 0 for a value that was not loaded. */
  readonly loadMs: number;
  /** The windows that the value was stored with. The moments below are made of them. */
  readonly lifetime: Lifetime;
  /** End of the TTL, or the moment at which `expire` ended it. */
  readonly freshUntil: number;
  /** End of `staleWhileRevalidate`. */
  readonly staleUntil: number;
  /** End of `staleIfError`. */
  readonly errorUntil: number;
  /** Until this moment a hit checks no other time: the entry is fresh, within L1's own TTL and before refresh-ahead. */
  readonly hitUntil: number;
  /** End of L1's own TTL. After it the entry serves only for {@link errorUntil}. */
  readonly localUntil: number;
  /** The tags' generations that were current before the load began, by reference. */
  readonly tags: readonly TagState[];
  /** True when `expire` has marked the entry. It is then never fresh and serves only for {@link errorUntil}. */
  readonly expired: boolean;
  /**
   * No refresh of this entry begins before this moment. Either a refresh is under way elsewhere, or the last one
   * failed.
   */
  readonly retryAt: number;
  /** True when the last load of this key failed. Until {@link retryAt} that failure stands for another try. */
  readonly failed: boolean;
  /** Counters of the key's group, so a hit looks nothing up. */
  readonly counters: GroupCounters;
  /** Version given to `set`. L1 holds it only in a cache without an L2, since L2 holds it otherwise. */
  readonly version?: number;
}

/**
 * Returns true when every tag of an entry is unchanged since the entry was made. It needs no index, and one comparison
 * a tag.
 */
export function tagsAreCurrent(tags: readonly TagState[]): boolean {
  for (let index = 0; index < tags.length; index += 1) if (tags[index]?.status !== 'current') return false;
  return true;
}

/**
 * Returns the moment until which an entry may answer for a source that failed. The window counts from the end of the
 * TTL, or from the moment of an earlier `expire`. Without a window the entry never may. A TTL alone promises nothing
 * about changes that others made.
 */
export function errorEnd({ errorUntil, lifetime, tags }: Entry): number {
  if (lifetime.staleIfErrorMs === 0) return Number.NEGATIVE_INFINITY;
  return tags.reduce((end, { expiredAt }) => Math.min(end, expiredAt + lifetime.staleIfErrorMs), errorUntil);
}

/**
 * Returns the moment at which an entry ceases to be fresh: by its TTL, by `expire`, or because one of its tags was
 * expired.
 */
export function freshEnd({ freshUntil, tags }: Entry): number {
  return tags.reduce((end, { expiredAt }) => Math.min(end, expiredAt), freshUntil);
}

/** The state of an entry at a moment. An `expired` one may still serve `staleIfError`. */
export type Freshness = 'fresh' | 'stale' | 'expired';

/** Returns the state of an entry at `now`; `undefined` when an invalidation has ended it. */
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
  /** Duration of the load; 0 for a value that was not loaded. */
  readonly loadMs: number;
  readonly storedAt: number;
  readonly lifetime: Lifetime;
  readonly tags: readonly TagState[];
  readonly loadBeganAt: number;
  /** Moment of the `expire`; `undefined` when there was none. */
  readonly expiredAt?: number | undefined;
}

/** Makes an L1 entry. It computes once every time that a hit will compare. */
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

/** Returns the entry as `expire` leaves it at `now`. It serves only `staleIfError`, counted from that moment. */
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

/**
 * Number of mean draws before the end of the TTL at which hits begin to draw. One draw in half a billion is greater.
 */
const EARLIEST_DRAW = 20;

/**
 * Returns the moment at which hits begin to refresh the value: the end of its TTL, or a moment before it. With XFetch
 * it is the moment at which hits begin to draw.
 */
export function refreshDue(
  { storedAt, lifetime: { ttlMs }, loadMs }: Pick<Dated, 'storedAt' | 'lifetime' | 'loadMs'>,
  { refreshAhead, xfetchBeta }: Pick<ResolvedOptions, 'refreshAhead' | 'xfetchBeta'>,
): number {
  if (ttlMs === Infinity) return Infinity;
  if (xfetchBeta > 0) return storedAt + Math.max(ttlMs - loadMs * xfetchBeta * EARLIEST_DRAW, 0);
  return storedAt + ttlMs * refreshAhead;
}

/**
 * Returns true when this hit, which comes after {@link refreshDue}, refreshes the value. With XFetch each hit draws for
 * itself. A refresh is likelier near the end of the TTL, and when a load takes long. So few of many hits refresh, and
 * seldom two at once.
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
  // The writer of the entry may have asked for an earlier refresh than this caller does.
  if (xfetchBeta === 0) return now >= refreshDue(entry, options);
  return now - loadMs * xfetchBeta * Math.log(1 - random.next()) >= freshUntil;
}
