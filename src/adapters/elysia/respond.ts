import type { Lookup } from '../../core/lookup.ts';
import { cacheStatus } from './cache-status.ts';
import { ifNoneMatch } from './if-none-match.ts';
import { represent, type ValueHeaders } from './representation.ts';
import { serverTiming } from './server-timing.ts';

/** What a client may do with an answer: keep it for itself, and ask before each use. */
const CACHE_CONTROL = 'private, no-cache';

const ABSENT = JSON.stringify({ type: 'about:blank', title: 'Not Found', status: 404 });

/** Further choices of {@link respond}. */
export interface RespondOptions<V> {
  /**
   * Headers that depend on the value alone, `Link` for example. Called once for each value that the cache holds, so
   * everything it needs must be the same for all requests that this key answers.
   */
  readonly headers?: ValueHeaders<NonNullable<V>> | undefined;
}

/**
 * The provenance of an answer as headers: `Cache-Status` (RFC 9211), `X-Cache-Tier`, `Server-Timing`, `Age`, and
 * `Cache-Control: private, no-cache`. For answers that {@link respond} does not make, such as one's own 404.
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

/**
 * A lookup as an HTTP answer: 200 with the value as JSON, a strong `ETag` and the headers of {@link cacheHeaders};
 * 304 without a body when `If-None-Match` names that tag; 404 as a problem document when the value is `null`.
 *
 * The body is encoded and hashed once for each value, not for each request.
 */
export function respond<V>(lookup: Lookup<V>, request: Request, options?: RespondOptions<V>): Response {
  const { value } = lookup;
  if (value === null || value === undefined) {
    return new Response(ABSENT, {
      status: 404,
      headers: { ...cacheHeaders(lookup), 'content-type': 'application/problem+json' },
    });
  }
  const { body, etag, headers } = represent<NonNullable<V>>(value, options?.headers);
  const condition = request.headers.get('if-none-match');
  if (condition !== null && ifNoneMatch(condition, etag)) {
    const { 'content-type': _, ...unchanged } = headers;
    return new Response(null, { status: 304, headers: { ...unchanged, ...cacheHeaders(lookup) } });
  }
  return new Response(body, { headers: { ...headers, ...cacheHeaders(lookup) } });
}

function ageInSeconds(lookup: Lookup<unknown>): number {
  return Math.max(0, Math.floor(lookup.age / 1_000));
}
