import type { Sql } from '../../catalog/sql.ts';
import { jsonContent, type Operation, PROBLEM } from '../openapi/operation.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../route.ts';
import { sourceHealth } from './cache-routes.ts';

/** For whatever runs the process: is it alive, should it get requests? A missing Redis is no reason against it. */
export function probeRoutes(sql: Sql): Route[] {
  return [
    {
      method: 'GET',
      path: '/livez',
      handle: () => ok(),
      operation: operation('livez', 'The process is alive'),
    },
    {
      method: 'GET',
      path: '/readyz',
      handle: async () => {
        if ((await sourceHealth(sql)).healthy) return ok();
        throw new Problem(503, 'The source cannot be reached', { 'retry-after': '1' });
      },
      operation: operation('readyz', 'The source can be reached'),
    },
  ];
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
