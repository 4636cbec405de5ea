import { Elysia } from 'elysia';
import { assertNames, assertPort, knownNames } from '../../core/model/arguments.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import type { Loader, ReadOptions } from '../../core/model/options.ts';
import { respond } from './respond.ts';

/** The method of a cache that the plugin calls. `createCache` of `tiercel` makes such a cache. */
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
 * Makes an Elysia plugin that gives every route `cache` and `cached(key, loader, options)`. `cached` answers with the
 * value of the key and with `ETag`, `Cache-Status`, `X-Cache-Tier`, `Server-Timing` and `Age`. It answers 404 when the
 * loader returns `null`.
 *
 * @example
 * ```ts
 * import { Elysia } from 'elysia';
 * import { createCache } from 'tiercel';
 * import { tiercel } from 'tiercel/elysia';
 * import { lru } from 'tiercel/lru';
 *
 * const cache = createCache({ name: 'catalog', l1: lru() });
 * const loadProduct = async (id: string) => ({ id, name: 'Bolt' });
 *
 * new Elysia()
 *   .use(tiercel({ cache }))
 *   .get('/products/:id', ({ cached, params: { id } }) =>
 *     cached(`product:${id}`, () => loadProduct(id), { ttl: '1h', tags: ['products'] }),
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
