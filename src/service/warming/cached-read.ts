import type { Sql } from '../../catalog/sql.ts';
import { toMs } from '../../core/model/duration.ts';
import type { LoaderContext, ReadOptions } from '../../core/model/options.ts';
import type { Params } from '../../resources/params.ts';
import type { LoadContext, Resource } from '../../resources/resource.ts';

type Freshness = Pick<
  ReadOptions,
  'ttl' | 'negativeTtl' | 'staleWhileRevalidate' | 'staleIfError' | 'refreshAhead' | 'softTimeout'
>;

/** Gives callers an answer within 500 ms, whichever tier fails, if a stale value exists. Milliseconds. */
const SOFT_TIMEOUT_MS = 300;

/** The arguments of `cache.lookup` for one answer of a resource. */
export interface CachedReading {
  readonly key: string;
  readonly loader: (context: LoaderContext) => Promise<unknown>;
  readonly options: Freshness & { readonly tags: readonly string[]; readonly tenant: string };
}

/** The part of the service that a cached read uses. */
export interface ReadingServices {
  readonly sql: Sql;
  /** Milliseconds by group, where the configuration overrides a resource's TTL. */
  readonly ttlMs: Readonly<Record<string, number>>;
}

/** Makes the function that turns a resource's parameters into arguments of the cache: key, loader and options. */
export function cachedReading(resource: Resource, { sql, ttlMs }: ReadingServices): (params: Params) => CachedReading {
  const freshness = freshnessOf(resource, ttlMs);
  return (params) => ({
    key: resource.key(params),
    async loader({ signal, setTags }) {
      const value = await loadOwn(resource, { sql, params, signal });
      if (value !== null && resource.valueTags !== undefined) setTags(resource.valueTags(value));
      return value;
    },
    options: { ...freshness, tags: resource.tags(params), tenant: String(params.orgId) },
  });
}

/** Loads the value that the parameters name. One of another row or org becomes absent here, before any tier can store it. */
export async function loadOwn(resource: Resource, context: LoadContext<Params>): Promise<unknown> {
  const value = await resource.load(context);
  return value !== null && resource.answers(context.params, value) ? value : null;
}

/** Converts the lifetimes to milliseconds once, so that no read has to parse `1h`. */
function freshnessOf(resource: Resource, ttlMs: ReadingServices['ttlMs']): Freshness {
  const { ttl, negativeTtl, staleWhileRevalidate = 0, staleIfError = 0 } = resource;
  const { refreshAhead = false, softTimeout = SOFT_TIMEOUT_MS } = resource;
  return {
    ttl: ttlMs[resource.group] ?? toMs(ttl, 'ttl'),
    staleWhileRevalidate: toMs(staleWhileRevalidate, 'staleWhileRevalidate'),
    staleIfError: toMs(staleIfError, 'staleIfError'),
    refreshAhead,
    softTimeout: softTimeout === false ? false : toMs(softTimeout, 'softTimeout'),
    ...(negativeTtl === undefined ? {} : { negativeTtl: toMs(negativeTtl, 'negativeTtl') }),
  };
}
