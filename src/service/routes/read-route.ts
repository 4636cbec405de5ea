import { cacheHeaders, respond } from '../../adapters/elysia/index.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import type { LoaderContext } from '../../core/model/options.ts';
import type { Params } from '../../resources/params.ts';
import type { Resource } from '../../resources/resource.ts';
import type { Principal } from '../auth/access-control.ts';
import { absent } from '../http/problem.ts';
import { paramsReader } from '../http/read-params.ts';
import { API_PREFIX, type RouteContext, type RouteHandler, SEAL } from '../http/route.ts';
import { cachedReading, loadOwn } from '../warming/cached-read.ts';
import type { Services } from './dependencies.ts';

/** The `detail` of an answer that is not stored because its tenant has brought too many new keys. */
const OVER_BUDGET = 'budget';

/**
 * Returns the handler of a resource's GET. It identifies the client, reads the parameters, and answers from the first tier
 * that has the value.
 */
export function readRoute(resource: Resource, services: Services): RouteHandler {
  const { cache, sql, access, accessCounts, cacheDisabled, l1Timing, newKeys } = services;
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
    return cacheDisabled ? fromSource(params, request) : fromCache(principal, params, request);
  }

  function fromCache(principal: Principal, params: Params, request: Request): Response | Promise<Response> {
    const key = resource.key(params);
    const hit = cache.peekLookup(key);
    if (hit !== undefined) return answerWith(hit, params, request);
    // A client that disconnects ends its load, unless another caller waits for it.
    const { loader, options } = readingOf(params);
    let notStored: string | undefined;
    const withinBudget = (context: LoaderContext): Promise<unknown> => {
      // A load that replaces a stale value brings no new key.
      if (context.stale === undefined && !newKeys.take(key, options.tenant, principal.orgId === '*')) {
        context.skip();
        notStored = OVER_BUDGET;
      }
      return loader(context);
    };
    return cache
      .lookup(key, withinBudget, { ...options, signal: request.signal })
      .then((lookup) => answerWith(lookup, params, request, notStored));
  }

  function answerWith(lookup: Lookup<unknown>, params: Params, request: Request, notStored?: string): Response {
    if (lookup.tier === 'l1') l1Timing.add(lookup.steps.l1?.durationMs ?? 0);
    const { value } = lookup;
    if (value === null && notStored === undefined) throw absent(cacheHeaders(lookup));
    if (value === null) throw absent(Object.fromEntries(respond(lookup, request, { notStored }).headers));
    count(params);
    const part = resource.cut === undefined ? value : resource.cut(params, value);
    const shown = part === value ? lookup : { ...lookup, value: part };
    if (!linked && notStored === undefined) return respond(shown, request, SEALED);
    return respond(shown, request, { headers: () => ownHeaders(resource, params, value), notStored });
  }

  function count(params: Params): void {
    if (popularity !== undefined) counter?.add(popularity.row(params));
  }

  async function fromSource(params: Params, request: Request): Promise<Response> {
    const value = await loadOwn(resource, { sql, params, signal: request.signal });
    if (value === null) throw absent();
    count(params);
    const part = resource.cut === undefined ? value : resource.cut(params, value);
    return Response.json(part, { headers: ownHeaders(resource, params, value) });
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
