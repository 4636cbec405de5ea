import { Elysia } from 'elysia';
import { assertNames, assertPort, knownNames } from '../../core/model/arguments.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import type { Loader, ReadOptions } from '../../core/model/options.ts';
import { respond } from './respond.ts';

/** What the plugin needs of a cache; `createCache` of `tiercel` gives one. */
export interface LookupCache {
  lookup<V>(key: string, loader: Loader<V>, options?: ReadOptions<V>): Promise<Lookup<unknown>>;
}

/** Options of {@link tiercel}. */
export interface TiercelPluginOptions<C extends LookupCache> {
  /** The cache. Its owner closes it; the plugin does not. */
  readonly cache: C;
}

const KNOWN = knownNames(['cache']);

/**
 * Gives every route of an Elysia app `cache` and `cached(key, loader, options)`: the value of a key as an answer with
 * `ETag`, `Cache-Status`, `X-Cache-Tier`, `Server-Timing` and `Age`; 404 when the loader says `null`.
 *
 * @example
 * ```ts
 * new Elysia()
 *   .use(tiercel({ cache }))
 *   .get('/products/:id', ({ cached, params: { id } }) =>
 *     cached(`product:${id}`, ({ signal }) => loadProduct(id, signal), { ttl: '1h', tags: ['products'] }),
 *   );
 * ```
 * @throws {@link InvalidOptionError} naming the option.
 */
export function tiercel<C extends LookupCache>(options: TiercelPluginOptions<C>) {
  assertNames('options', options, KNOWN);
  const { cache } = options;
  assertPort('cache', cache, ['lookup'], 'a cache: tiercel({ cache: createCache(…) })');
  return new Elysia().decorate('cache', cache).resolve({ as: 'scoped' }, ({ request }) => ({
    cached: async <V>(key: string, loader: Loader<V>, options?: ReadOptions<V>): Promise<Response> =>
      respond(await cache.lookup(key, loader, options), request),
  }));
}
