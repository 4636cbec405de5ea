import type { GroupCounters } from './counters.ts';
import type { TagState } from './tags.ts';
import type { Windows } from './windows.ts';

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
  readonly windows: Windows;
  /** End of the TTL. */
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
export function errorEnd({ errorUntil, windows, tags }: Entry): number {
  if (windows.staleIfErrorMs === 0) return Number.NEGATIVE_INFINITY;
  return tags.reduce((end, { expiredAt }) => Math.min(end, expiredAt + windows.staleIfErrorMs), errorUntil);
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
