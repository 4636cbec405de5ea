import type { Lookup } from '../../core/model/lookup.ts';
import { headersOf } from './cache-headers.ts';
import { answerHeaders } from './hit-headers.ts';
import { ifNoneMatch } from './if-none-match.ts';
import { represent, type ValueHeaders } from './representation.ts';

const ABSENT = JSON.stringify({ type: 'about:blank', title: 'Not Found', status: 404 });

/** Options of {@link respond}. */
export interface RespondOptions<V> {
  /**
   * Makes headers that depend on the value alone, such as `Link`. Default: none. The function is called once for each
   * value that the cache holds. Its result must therefore suit every request that this key answers.
   */
  readonly headers?: ValueHeaders<NonNullable<V>> | undefined;
  /** The reason why the caller has what was loaded not stored, shown as `detail` in `Cache-Status`. Default: none. */
  readonly notStored?: string | undefined;
}

/**
 * Makes the HTTP answer of a lookup.
 * - 200 with the value as JSON, a strong `ETag` and the headers of `cacheHeaders`
 * - 304 without a body when `If-None-Match` names that tag
 * - 404 as a problem document when the value is `null`
 *
 * The body is encoded and hashed once for each value, not for each request.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { respond } from 'tiercel/elysia';
 * import { lru } from 'tiercel/lru';
 *
 * const cache = createCache({ name: 'catalog', l1: lru() });
 *
 * export async function handle(request: Request): Promise<Response> {
 *   return respond(await cache.lookup('product:7', () => ({ name: 'Bolt' })), request);
 * }
 * ```
 */
export function respond<V>(lookup: Lookup<V>, request: Request, options?: RespondOptions<V>): Response {
  const { value } = lookup;
  if (value === null || value === undefined) {
    return new Response(ABSENT, {
      status: 404,
      headers: { ...headersOf(lookup, options?.notStored), 'content-type': 'application/problem+json' },
    });
  }
  const { body, etag, headers: own, hits } = represent<NonNullable<V>>(value, options?.headers);
  const isHit = lookup.tier === 'l1' && lookup.state === 'fresh';
  const headers = isHit ? hits.of(lookup) : answerHeaders(own, lookup, options?.notStored);
  const condition = request.headers.get('if-none-match');
  if (condition !== null && ifNoneMatch(condition, etag)) {
    return new Response(null, headers.notModified);
  }
  return new Response(body, headers.full);
}
