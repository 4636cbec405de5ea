import { cacheHeaders, respond } from '../../adapters/elysia/index.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import type { Params } from '../../resources/params.ts';
import type { Resource } from '../../resources/resource.ts';
import type { Principal } from '../auth/access-control.ts';
import { absent } from '../http/problem.ts';
import { paramsReader } from '../http/read-params.ts';
import { API_PREFIX, type RouteContext, type RouteHandler, SEAL } from '../http/route.ts';
import { cachedReading, loadOwn } from '../warming/cached-read.ts';
import type { Services } from './dependencies.ts';

/** The GET of a resource: who asks, what for, from which tier. */
export function readRoute(resource: Resource, services: Services): RouteHandler {
  const { cache, sql, access, accessCounts, cacheDisabled, l1Timing } = services;
  const readParams = paramsReader(resource.route, resource.query);
  const readingOf = cachedReading(resource, services);
  const { popularity } = resource;
  const counter = popularity && accessCounts.of(popularity);
  const linked = resource.nextPage !== undefined;

  return ({ request, params: path }) => {
    const asked = access.authenticate(request, 'read');
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
    const { loader, options } = readingOf(params);
    return cache
      .lookup(key, loader, { ...options, signal: request.signal })
      .then((lookup) => answerWith(lookup, params, request));
  }

  function answerWith(lookup: Lookup<unknown>, params: Params, request: Request): Response {
    if (lookup.tier === 'l1') l1Timing.add(lookup.steps.l1?.durationMs ?? 0);
    if (lookup.value === null) throw absent(cacheHeaders(lookup));
    count(params);
    return respond(lookup, request, linked ? { headers: (value) => ownHeaders(resource, params, value) } : SEALED);
  }

  function count(params: Params): void {
    if (popularity !== undefined) counter?.add(popularity.row(params));
  }

  async function fromSource(params: Params, request: Request): Promise<Response> {
    const value = await loadOwn(resource, { sql, params, signal: request.signal });
    if (value === null) throw absent();
    count(params);
    return Response.json(value, { headers: ownHeaders(resource, params, value) });
  }
}

const SEALED = { headers: () => SEAL };

function ownHeaders(resource: Resource, params: Params, value: unknown): Record<string, string> {
  return { ...SEAL, ...linkHeaders(resource, params, value) };
}

function linkHeaders(resource: Resource, params: Params, value: unknown): Record<string, string> {
  const next = resource.nextPage?.(params, value);
  if (next === undefined) return {};
  const path = resource.route.replace(/:(\w+)/g, (_, name: string) => String(params[name]));
  const query = Object.entries(next).map(([name, number]) => `${name}=${number}`);
  return { link: `<${API_PREFIX}${path}?${query.join('&')}>; rel="next"` };
}
