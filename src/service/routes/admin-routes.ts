import type { Inspection } from '../../core/read/inspect.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { Access } from '../auth/access-control.ts';
import type { ViewRefresher } from '../dashboards/view-refresher.ts';
import { keyInPath } from '../http/key-in-path.ts';
import { jsonContent, PROBLEM } from '../http/openapi/operation.ts';
import { Problem } from '../http/problem.ts';
import { assertNoQuery } from '../http/read-params.ts';
import { API_PREFIX, type Operation, type Route, type RouteHandler } from '../http/route.ts';
import type { LogAdminAction } from '../logging/admin-log.ts';
import type { Warmer } from '../warming/warmer.ts';
import { acknowledge } from './acknowledge.ts';
import { BreakerAnswer, BreakerBody, breakerRoute } from './breaker-route.ts';
import { InvalidateAnswer, InvalidateBody, invalidateRoute } from './invalidate-route.ts';
import { cancelWarmRoute, WarmAnswer, WarmBody, warmRoute } from './warm-routes.ts';

const CACHE_PATH = `${API_PREFIX}/cache`;
const WARM_PATH = `${CACHE_PATH}/warm`;
const ENTRIES_PATH = `${CACHE_PATH}/entries/`;

/** A flush waits at most this long for the view. */
const REFRESH_WITHIN_MS = 5_000;

/** The collaborators of {@link adminRoutes}. */
export interface AdminRoutesOptions {
  readonly cache: Pick<TieredCache, 'invalidate' | 'count' | 'clear' | 'inspect' | 'forceBreaker' | 'health'>;
  readonly view: Pick<ViewRefresher, 'refreshNow'>;
  readonly warmer: Pick<Warmer, 'request' | 'cancel' | 'report' | 'names'>;
  readonly access: Access;
  readonly log: LogAdminAction;
}

/** Returns the operator's routes, which invalidate, flush, warm and inspect the cache. Each call leaves a line in the log. */
export function adminRoutes({ cache, view, warmer, access, log }: AdminRoutesOptions): Route[] {
  const forAdmins = (handle: RouteHandler): RouteHandler => {
    return async (context) => {
      await access.authoriseOperator(context.request, 'administer');
      assertNoQuery(context.request.url);
      return handle(context);
    };
  };
  return [
    {
      method: 'POST',
      path: `${CACHE_PATH}/invalidate`,
      handle: forAdmins(invalidateRoute(cache, log)),
      operation: operation('invalidate-cache', 'Invalidate keys, tags and a pattern, everywhere', {
        requestBody: { required: true, content: { 'application/json': { schema: InvalidateBody } } },
        responses: { 200: jsonContent('How much was named, and matched', InvalidateAnswer) },
      }),
    },
    {
      method: 'DELETE',
      path: CACHE_PATH,
      handle: forAdmins(flushRoute(cache, view, log)),
      operation: operation('flush-cache', 'Remove everything that is cached, everywhere, and refresh the view', {
        responses: { 204: { description: 'Done' } },
      }),
    },
    {
      method: 'POST',
      path: `${CACHE_PATH}/breaker`,
      handle: forAdmins(breakerRoute(cache, log)),
      operation: operation('force-breaker', 'Hold a breaker of this instance open or closed, or let it go', {
        requestBody: { required: true, content: { 'application/json': { schema: BreakerBody } } },
        responses: { 200: jsonContent('The state of each breaker', BreakerAnswer) },
      }),
    },
    {
      method: 'POST',
      path: WARM_PATH,
      handle: forAdmins(warmRoute(warmer, log)),
      operation: operation('warm-cache', 'Load what is read most, in the background', {
        requestBody: { required: false, content: { 'application/json': { schema: WarmBody } } },
        responses: { 202: jsonContent('How far the warm-up under way is', WarmAnswer) },
      }),
    },
    {
      method: 'DELETE',
      path: WARM_PATH,
      handle: forAdmins(cancelWarmRoute(warmer, log)),
      operation: operation('cancel-warm-cache', 'End the warm-up under way', {
        responses: { 200: jsonContent('How far the last warm-up has come', WarmAnswer) },
      }),
    },
    {
      method: 'GET',
      path: `${ENTRIES_PATH}:key`,
      handle: forAdmins(inspectRoute(cache, log)),
      operation: operation('inspect-cache-entry', 'What each tier holds of a key, and whether it would be served', {
        parameters: [
          {
            name: 'key',
            in: 'path',
            required: true,
            description: 'Percent-encoded once.',
            schema: { type: 'string', minLength: 1 },
          },
        ],
        responses: {
          200: jsonContent('Times are milliseconds; null for one that never ends.', { type: 'object' }),
        },
      }),
    },
  ];
}

/**
 * Clears the whole namespace of the cache and refreshes the materialized view behind it. While Redis cannot be reached, the
 * answer says that the flush is pending. A view that fails or takes long does not change the answer.
 */
function flushRoute(
  cache: Pick<TieredCache, 'clear'>,
  view: AdminRoutesOptions['view'],
  log: LogAdminAction,
): RouteHandler {
  return async () => {
    const { pending, headers } = await acknowledge(cache.clear());
    await view.refreshNow(REFRESH_WITHIN_MS);
    log({ action: 'flush', counts: { keys: 0, tags: 0 }, details: { pending } });
    return new Response(null, { status: 204, headers });
  };
}

/** Shows one key in every tier, with its value. JSON has no `Infinity`, so a time that never ends is `null`. */
function inspectRoute(cache: Pick<TieredCache, 'inspect'>, log: LogAdminAction): RouteHandler {
  return async ({ request }) => {
    const key = keyInPath(ENTRIES_PATH, request.url);
    const inspection = await cache.inspect(key);
    const found = inspection.l1 !== undefined || inspection.l2 !== undefined;
    log({
      action: 'inspect',
      counts: { keys: 1, tags: 0 },
      targets: { keys: [key] },
      details: { found },
    });
    if (!found) throw new Problem(404, `No tier that can be asked holds this key${lastInvalidation(inspection)}`);
    return Response.json(inspection, { headers: { 'cache-control': 'no-store' } });
  };
}

function lastInvalidation({ lastInvalidation: last }: Inspection): string {
  if (last === undefined) return '';
  return `; it was invalidated ${Math.round(last.ago)} ms ago (${last.by}, ${last.origin})`;
}

function operation(
  operationId: string,
  summary: string,
  { responses, ...rest }: Pick<Operation, 'parameters' | 'requestBody' | 'responses'>,
): Operation {
  return { operationId, summary, tags: ['cache'], ...rest, responses: { ...responses, default: PROBLEM } };
}
