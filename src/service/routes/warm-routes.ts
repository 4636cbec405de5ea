import { Type } from '@sinclair/typebox';
import { Problem } from '../http/problem.ts';
import { bodyReader } from '../http/read-body.ts';
import { API_PREFIX, type RouteHandler } from '../http/route.ts';
import type { LogAdminAction } from '../logging/admin-log.ts';
import type { WarmUpReport } from '../warming/warm-up-report.ts';
import type { Warmer } from '../warming/warmer.ts';

/** The path at which an operator can watch the progress. */
const PROGRESS = `${API_PREFIX}/cache/health`;

/** The body that the route takes. Without a body, every resource is warmed. */
export const WarmBody = Type.Object(
  {
    resources: Type.Optional(
      Type.Array(Type.String({ maxLength: 100 }), {
        minItems: 1,
        maxItems: 100,
        description: 'Names of resources, as in the answer’s byResource. Left out: all that can be warmed.',
      }),
    ),
  },
  { additionalProperties: false },
);

const counts = {
  total: Type.Union([Type.Integer(), Type.Null()], { description: 'Keys to deal with; null until that is known.' }),
  done: Type.Integer({ description: 'Of these.' }),
  loaded: Type.Integer(),
  fresh: Type.Integer({ description: 'Found in a tier.' }),
  failed: Type.Integer(),
};
const moment = Type.Union([Type.String({ format: 'date-time' }), Type.Null()]);

/** The answer of both routes. */
export const WarmAnswer = Type.Object({
  state: Type.Union(['idle', 'running', 'done', 'aborted', 'failed'].map((state) => Type.Literal(state))),
  reason: Type.Union([
    ...['start', 'recovery', 'request'].map((reason) => Type.Literal(reason)),
    Type.Null({ description: 'There was none yet.' }),
  ]),
  startedAt: moment,
  finishedAt: moment,
  ...counts,
  byResource: Type.Record(Type.String(), Type.Object(counts)),
});

const readBody = bodyReader(WarmBody);

/** Begins a warm-up and answers at once. While a warm-up is under way, none begins and the answer describes that one. */
export function warmRoute(warmer: Pick<Warmer, 'request' | 'report' | 'names'>, log: LogAdminAction): RouteHandler {
  return async ({ request }) => {
    const { resources = warmer.names } = request.body === null ? {} : await readBody(request);
    const unknown = resources.find((name) => !warmer.names.includes(name));
    if (unknown !== undefined) {
      const known = warmer.names.join(', ');
      throw new Problem(400, `/resources: ${JSON.stringify(unknown)} cannot be warmed; what can is ${known}`);
    }
    const began = warmer.request(resources);
    const details = { began, resources: [...new Set(resources)].join(',') };
    log({ action: 'warm', counts: { keys: 0, tags: 0 }, details });
    return answer(202, warmer.report, { location: PROGRESS });
  };
}

/** Ends the warm-up under way, for whatever reason it began. Warm entries stay. */
export function cancelWarmRoute(warmer: Pick<Warmer, 'cancel' | 'report'>, log: LogAdminAction): RouteHandler {
  return async () => {
    const cancelled = await warmer.cancel();
    log({ action: 'warm', counts: { keys: 0, tags: 0 }, details: { cancelled } });
    return answer(200, warmer.report);
  };
}

function answer(status: number, report: WarmUpReport, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(report, { status, headers: { 'cache-control': 'no-store', ...headers } });
}
