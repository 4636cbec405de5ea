import type { Lookup } from '../../core/model/lookup.ts';
import { statusOf } from './cache-status.ts';
import { serverTiming } from './server-timing.ts';

/** A client may keep the answer for itself, and must ask before each use. */
const CACHE_CONTROL = 'private, no-cache';

/**
 * Makes headers that tell where an answer came from: `Cache-Status` (RFC 9211), `X-Cache-Tier`, `Server-Timing`, `Age`,
 * and `Cache-Control: private, no-cache`. `respond` adds them by itself. Call this function for other answers, such as
 * a 404 of your own.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { cacheHeaders } from 'tiercel/elysia';
 * import { lru } from 'tiercel/lru';
 *
 * const cache = createCache({ name: 'catalog', l1: lru() });
 * const found = await cache.lookup('product:7', () => ({ name: 'Bolt' }));
 * const answer = Response.json(found.value, { headers: cacheHeaders(found) });
 * ```
 * @returns the headers, with names in lower case.
 */
export function cacheHeaders(lookup: Lookup<unknown>): Record<string, string> {
  return headersOf(lookup, undefined);
}

/** {@link cacheHeaders}, with the reason why the caller has what was loaded not stored. */
export function headersOf(lookup: Lookup<unknown>, notStored: string | undefined): Record<string, string> {
  return {
    'cache-control': CACHE_CONTROL,
    'cache-status': statusOf(lookup, notStored),
    'x-cache-tier': lookup.tier,
    'server-timing': serverTiming(lookup.steps),
    age: String(ageInSeconds(lookup)),
  };
}

/** Whole seconds since the value was loaded. Never negative. */
export function ageInSeconds(lookup: Lookup<unknown>): number {
  return Math.max(0, Math.floor(lookup.age / 1_000));
}
