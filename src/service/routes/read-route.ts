import { cacheHeaders, respond } from '../../adapters/elysia/index.ts';
import type { Lookup } from '../../core/lookup.ts';
import type { LoaderContext, ReadOptions } from '../../core/options.ts';
import type { Params } from '../../resources/params.ts';
import type { Resource } from '../../resources/resource.ts';
import type { Principal } from '../access.ts';
import { API_PREFIX } from '../paths.ts';
import { absent } from '../problem.ts';
import { paramsReader } from '../request-params.ts';
import type { RouteContext, RouteHandler } from '../route.ts';
import type { Services } from '../services.ts';

/** The GET of a resource: who asks, what for, from which tier. */
export function readRoute(resource: Resource, services: Services): RouteHandler {
  const { cache, sql, access, cacheDisabled, l1Timing } = services;
  const readParams = paramsReader(resource.route, resource.query);
  const freshness = freshnessOf(resource, services.ttlMs);
  const linked = resource.nextPage !== undefined;

  return ({ request, params: path }) => {
    const asked = access.authenticate(request);
    return asked instanceof Promise
      ? asked.then((principal) => answer(principal, request, path))
      : answer(asked, request, path);
  };

  function answer(principal: Principal, request: Request, path: RouteContext['params']): Response | Promise<Response> {
    const params = readParams(path, request.url);
    access.authorise(principal, params.orgId, 'read');
    return cacheDisabled ? fromSource(params, request) : fromCache(params, request);
  }

  function fromCache(params: Params, request: Request): Response | Promise<Response> {
    const key = resource.key(params);
    const hit = cache.peekLookup(key);
    if (hit !== undefined) return answerWith(hit, params, request);
    // A client that goes away takes its load with it, if nobody else waits for that.
    const options = {
      ...freshness,
      tags: resource.tags(params),
      tenant: String(params.orgId),
      signal: request.signal,
    };
    return cache
      .lookup(key, (context) => load(resource, services, params, context), options)
      .then((lookup) => answerWith(lookup, params, request));
  }

  function answerWith(lookup: Lookup<unknown>, params: Params, request: Request): Response {
    if (lookup.tier === 'l1') l1Timing.add(lookup.steps.l1?.durationMs ?? 0);
    if (lookup.value === null) throw absent(cacheHeaders(lookup));
    assertOwner(resource, params, lookup.value);
    return respond(lookup, request, linked ? { headers: (value) => linkHeaders(resource, params, value) } : undefined);
  }

  async function fromSource(params: Params, request: Request): Promise<Response> {
    const value = await resource.load({ sql, params, signal: request.signal });
    if (value === null) throw absent();
    assertOwner(resource, params, value);
    return Response.json(value, { headers: linkHeaders(resource, params, value) });
  }
}

type FreshnessOptions = Pick<
  ReadOptions,
  'ttl' | 'negativeTtl' | 'staleWhileRevalidate' | 'staleIfError' | 'refreshAhead' | 'softTimeout'
>;

/** Callers are to have an answer within 500 ms whatever fails, if there is any. */
const SOFT_TIMEOUT_MS = 300;

function freshnessOf(resource: Resource, ttlMs: Services['ttlMs']): FreshnessOptions {
  const { ttl, negativeTtl, staleWhileRevalidate = 0, staleIfError = 0 } = resource;
  const { refreshAhead = false, softTimeout = SOFT_TIMEOUT_MS } = resource;
  return {
    ttl: ttlMs[resource.group] ?? ttl,
    staleWhileRevalidate,
    staleIfError,
    refreshAhead,
    softTimeout,
    ...(negativeTtl === undefined ? {} : { negativeTtl }),
  };
}

async function load(resource: Resource, { sql }: Services, params: Params, context: LoaderContext): Promise<unknown> {
  const value = await resource.load({ sql, params, signal: context.signal });
  if (value !== null && resource.valueTags !== undefined) context.setTags(resource.valueTags(value));
  return value;
}

/** Another org's value, found by its id alone, is not there: its bytes, tag and provenance stay unsaid. */
function assertOwner(resource: Resource, params: Params, value: unknown): void {
  if (resource.owner !== undefined && resource.owner(value) !== params.orgId) throw absent();
}

function linkHeaders(resource: Resource, params: Params, value: unknown): Record<string, string> {
  const next = resource.nextPage?.(params, value);
  if (next === undefined) return {};
  const path = resource.route.replace(/:(\w+)/g, (_, name: string) => String(params[name]));
  const query = Object.entries(next).map(([name, number]) => `${name}=${number}`);
  return { link: `<${API_PREFIX}${path}?${query.join('&')}>; rel="next"` };
}
