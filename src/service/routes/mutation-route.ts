import { transaction } from '../../adapters/postgres/index.ts';
import { sqlState, type Transaction } from '../../catalog/sql.ts';
import type { Mutation } from '../../resources/mutation.ts';
import type { Resource } from '../../resources/resource.ts';
import { absent, Problem } from '../http/problem.ts';
import { bodyReader } from '../http/read-body.ts';
import { paramsReader } from '../http/read-params.ts';
import { API_PREFIX, type RouteHandler } from '../http/route.ts';
import { acknowledge } from './acknowledge.ts';
import type { Services } from './dependencies.ts';

/** Returns the handler of a mutation. It commits, then invalidates, then answers. */
export function mutationRoute(resource: Resource, mutation: Mutation, services: Services): RouteHandler {
  const { cache, sql, outbox, access, writes } = services;
  const readParams = paramsReader(resource.route, {});
  const readBody = mutation.body === undefined ? undefined : bodyReader(mutation.body);

  return async ({ request, params: path }) => {
    const principal = await access.authenticate(request, 'write');
    const params = readParams(path, request.url);
    access.authorise(principal, params.orgId, 'write');
    const body = await readBody?.(request);

    // The claim travels with the first statement of the mutation, in one round trip.
    const claimAndRun = (tx: Transaction) => Promise.all([outbox.claim(tx), mutation.run({ sql: tx, params, body })]);
    const tenant = String(params.orgId);
    const [ticket, row] = await writes.run(tenant, request.signal, () => transaction(sql, claimAndRun)).catch(refused);
    if (row === null) throw absent();

    const invalidation = cache.invalidate(mutation.invalidates(params, row), { outbox: ticket });
    const { headers } = await acknowledge(invalidation);
    if (mutation.method === 'DELETE') return new Response(null, { status: 204, headers });
    if (mutation.location !== undefined) headers.set('location', API_PREFIX + mutation.location(params, row));
    return Response.json(row, { status: mutation.method === 'POST' ? 201 : 200, headers });
  };
}

/** Turns a refusal of the database into the client's error. The text tells nothing of the schema. */
function refused(error: unknown): never {
  const state = sqlState(error);
  if (state === '23505') throw new Problem(409, 'A row with this unique value already exists');
  if (state === '23503')
    throw new Problem(409, 'The row refers to a row that does not exist, or another row refers to it');
  // Class 22 holds data exceptions, class 23 the other violated constraints.
  if (state?.startsWith('22') || state?.startsWith('23'))
    throw new Problem(400, 'A value is out of range or violates a constraint');
  throw error;
}
