import { cancellable } from '../../adapters/postgres/index.ts';
import type { Sql } from '../../catalog/sql.ts';
import type { CacheHealth } from '../../core/stats.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { Alert } from '../alerts/alert.ts';
import type { Access } from '../auth/access-control.ts';
import { GOALS } from '../config/goals.ts';
import type { ViewRefresher } from '../dashboards/view-refresher.ts';
import { jsonContent, PROBLEM } from '../http/openapi/operation.ts';
import { API_PREFIX, type Operation, type Route, type RouteHandler } from '../http/route.ts';
import type { Warmer } from '../warming/warmer.ts';
import type { L1Timing } from './l1-read-time.ts';
import { memoryAdvice, remoteHealth } from './remote-health.ts';

const SOURCE_DEADLINE_MS = 2_000;

/** The collaborators of {@link cacheRoutes}. */
export interface CacheRoutesOptions {
  readonly cache: Pick<TieredCache, 'stats' | 'health'>;
  readonly view: Pick<ViewRefresher, 'health'>;
  readonly warmer: Pick<Warmer, 'report'>;
  readonly sql: Sql;
  readonly access: Access;
  readonly l1Timing: L1Timing;
  readonly alerts: { readonly firing: readonly Alert[] };
}

/** Returns the viewer's routes: statistics and health of the cache. */
export function cacheRoutes(options: CacheRoutesOptions): Route[] {
  const forViewers = (answer: () => object | Promise<object>): RouteHandler => {
    return async ({ request }) => {
      await options.access.authoriseOperator(request, 'view');
      return Response.json(await answer(), { headers: { 'cache-control': 'no-store' } });
    };
  };
  return [
    {
      method: 'GET',
      path: `${API_PREFIX}/cache`,
      handle: forViewers(() => stats(options)),
      operation: operation('get-cache', 'What the cache has done since the start'),
    },
    {
      method: 'GET',
      path: `${API_PREFIX}/cache/health`,
      handle: forViewers(() => health(options)),
      operation: operation('get-cache-health', 'How each tier is doing'),
    },
  ];
}

function stats({ cache, l1Timing }: CacheRoutesOptions): object {
  const { hits, misses, stale, errors, collapsed, loads, hitRate, tiers, groups } = cache.stats();
  const asked = hits + misses > 0;
  return {
    hits,
    misses,
    stale,
    errors,
    collapsed,
    loads,
    hitRate,
    tiers: { l1: tiers.l1, l2: tiers.l2 === undefined ? null : { ...tiers.l2, server: tiers.l2.server ?? null } },
    groups,
    targets: {
      hitRate: { goal: GOALS.hitRate, actual: asked ? hitRate : null, met: asked ? hitRate >= GOALS.hitRate : null },
      l1ReadMs: {
        goal: GOALS.l1ReadMs,
        actual: l1Timing.meanMs ?? null,
        met: l1Timing.meanMs === undefined ? null : l1Timing.meanMs < GOALS.l1ReadMs,
      },
    },
  };
}

async function health({ cache, view, warmer, sql, alerts }: CacheRoutesOptions): Promise<object> {
  const [source, materializedView] = await Promise.all([sourceHealth(sql), view.health()]);
  const cached = cache.health();
  const { l1, l2, bus, pending, flights } = cached;
  const overall = !source.healthy ? 'down' : isDegraded(cached) ? 'degraded' : 'healthy';
  return {
    overall,
    tiers: {
      l1: { healthy: l1.healthy, suspended: l1.suspended, keyCount: l1.entries, memoryBytes: l1.bytes, flights },
      l2: l2 === undefined ? null : { ...remoteHealth(l2), pending },
      source: { ...source, breaker: cached.source.breaker ?? null, loads: loadsOf(cached) },
    },
    bus: bus === undefined ? null : { subscribed: bus.subscribed, proofAgeMs: bus.proofAgeMs ?? null },
    relay: relayHealth(cached),
    materializedView,
    warmup: warmer.report,
    alerts: alerts.firing,
    timestamp: new Date().toISOString(),
    recommendation: recommendation(overall, cached),
  };
}

function loadsOf({ source: { running, waiting } }: CacheHealth): object {
  return { running, waiting };
}

function isDegraded(cached: CacheHealth): boolean {
  const { all, keys, tags, patterns } = cached.pending;
  const owes = all || keys + tags + patterns > 0;
  return !cached.l1.healthy || cached.l2?.healthy === false || owes || isLate(cached);
}

/** True when changes made past the service reach the cache too late. */
function isLate({ relay }: CacheHealth): boolean {
  return relay !== undefined && (!relay.healthy || (relay.lagMs ?? 0) > GOALS.relayLagMs);
}

/** Describes the path of changes made past the service: from the outbox through Redis, or from the outbox alone. */
function relayHealth({ relay, follower }: CacheHealth): object | null {
  if (follower !== undefined) {
    const { healthy, proofAgeMs } = follower;
    return { role: 'follower', healthy, lagMs: null, proofAgeMs: proofAgeMs ?? null };
  }
  if (relay === undefined) return null;
  const { leads, healthy, lagMs } = relay;
  return { role: leads ? 'leader' : 'standby', healthy, lagMs: lagMs ?? null };
}

type Overall = 'healthy' | 'degraded' | 'down';

function recommendation(overall: Overall, cached: CacheHealth): string {
  const advice = [troubleAdvice(overall, cached), memoryAdvice(cached.l2)].filter((each) => each !== undefined);
  return advice.length === 0 ? 'Nothing to do.' : advice.join(' ');
}

function troubleAdvice(overall: Overall, cached: CacheHealth): string | undefined {
  switch (overall) {
    case 'healthy':
      return undefined;
    case 'degraded':
      return cached.l2?.healthy !== false && isLate(cached)
        ? 'Look at tiercel_outbox in the database: changes made past the service reach the cache late.'
        : 'Look at Redis: reads are right and go to the database more often until it is back.';
    case 'down':
      return 'Look at the database: what is cached is still answered, everything else fails.';
  }
}

/** Measures if the database answers, and how fast. */
export async function sourceHealth(sql: Sql): Promise<{ healthy: boolean; latencyMs: number | null }> {
  const began = performance.now();
  try {
    await cancellable(sql`select 1`, AbortSignal.timeout(SOURCE_DEADLINE_MS));
    return { healthy: true, latencyMs: performance.now() - began };
  } catch {
    return { healthy: false, latencyMs: null };
  }
}

function operation(operationId: string, summary: string): Operation {
  return {
    operationId,
    summary,
    tags: ['cache'],
    responses: { 200: jsonContent(summary, { type: 'object' }), default: PROBLEM },
  };
}
