import { Type } from '@sinclair/typebox';
import type { CacheHealth } from '../../core/stats.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import { Problem } from '../http/problem.ts';
import { bodyReader } from '../http/read-body.ts';
import type { RouteHandler } from '../http/route.ts';
import type { LogAdminAction } from '../logging/admin-log.ts';

/** The body that the route takes. */
export const BreakerBody = Type.Object(
  {
    tier: Type.Union([Type.Literal('l2'), Type.Literal('source')], { description: 'Whose breaker.' }),
    state: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('auto')], {
      description: 'open: no request asks the tier. closed: every request may ask it. auto: the breaker decides.',
    }),
  },
  { additionalProperties: false },
);

/** The route's answer: the state of each breaker, `null` for a tier that does not exist. */
export const BreakerAnswer = Type.Object({
  l2: Type.Union([Type.String(), Type.Null()]),
  source: Type.Union([Type.String(), Type.Null()]),
});

const readBody = bodyReader(BreakerBody);

/** Holds a breaker of this instance open or closed, or releases it. Other instances are not affected. */
export function breakerRoute(cache: Pick<TieredCache, 'forceBreaker' | 'health'>, log: LogAdminAction): RouteHandler {
  return async ({ request }) => {
    const { tier, state } = await readBody(request);
    if (breakersOf(cache.health())[tier] === null) throw new Problem(400, `This service has no ${tier} with a breaker`);
    cache.forceBreaker(tier, state);
    log({ action: 'breaker', counts: { keys: 0, tags: 0 }, details: { tier, state } });
    return Response.json(breakersOf(cache.health()));
  };
}

function breakersOf({ l2, source }: CacheHealth) {
  return { l2: l2?.breaker ?? null, source: source.breaker ?? null };
}
