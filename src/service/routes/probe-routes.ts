import { jsonContent, PROBLEM } from '../http/openapi/operation.ts';
import { Problem } from '../http/problem.ts';
import type { Operation, Route } from '../http/route.ts';
import type { Warmer } from '../warming/warmer.ts';
import type { SourceProbe } from './source-probe.ts';

/**
 * Returns the orchestrator's probes: the process is alive, and it should get requests. A missing Redis does not make it
 * unready. A cache that must be warm first does, until it is warm.
 */
export function probeRoutes(source: Pick<SourceProbe, 'health'>, warmer: Pick<Warmer, 'isStarting'>): Route[] {
  return [
    {
      method: 'GET',
      path: '/livez',
      isProbe: true,
      handle: () => ok(),
      operation: operation('livez', 'The process is alive'),
    },
    {
      method: 'GET',
      path: '/readyz',
      isProbe: true,
      handle: async () => {
        if (warmer.isStarting) throw notReady('Warming: the cache is being filled');
        if ((await source.health()).healthy) return ok();
        throw notReady('The source cannot be reached');
      },
      operation: operation('readyz', 'The source can be reached, and the start is over'),
    },
  ];
}

function notReady(detail: string): Problem {
  return new Problem(503, detail, { 'retry-after': '1' });
}

function ok(): Response {
  return Response.json({ status: 'ok' }, { headers: { 'cache-control': 'no-store' } });
}

function operation(operationId: string, summary: string): Operation {
  return {
    operationId,
    summary,
    tags: ['probes'],
    responses: { 200: jsonContent(summary, { type: 'object' }), default: PROBLEM },
  };
}
