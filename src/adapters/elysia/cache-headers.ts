import type { Lookup } from '../../core/model/lookup.ts';
import { cacheStatus } from './cache-status.ts';
import { serverTiming } from './server-timing.ts';

/** What a client may do with an answer: keep it for itself, and ask before each use. */
const CACHE_CONTROL = 'private, no-cache';

/**
 * The provenance of an answer as headers: `Cache-Status` (RFC 9211), `X-Cache-Tier`, `Server-Timing`, `Age`, and
 * `Cache-Control: private, no-cache`. For answers that `respond` does not make, such as one's own 404.
 */
export function cacheHeaders(lookup: Lookup<unknown>): Record<string, string> {
  return {
    'cache-control': CACHE_CONTROL,
    'cache-status': cacheStatus(lookup),
    'x-cache-tier': lookup.tier,
    'server-timing': serverTiming(lookup.steps),
    age: String(ageInSeconds(lookup)),
  };
}

/** Whole seconds since the value was loaded. */
export function ageInSeconds(lookup: Lookup<unknown>): number {
  return Math.max(0, Math.floor(lookup.age / 1_000));
}
