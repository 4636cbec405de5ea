import type { TSchema } from '@sinclair/typebox';
import { answerCheck } from './answer-check.ts';
import { declaredGroup } from './declared-group.ts';
import type { Feed } from './feed.ts';
import { keyReader } from './key-params.ts';
import type { Mutation } from './mutation.ts';
import { type Params, type ParamsOf, pathParams, type Query } from './params.ts';
import type { Freshness, LoadContext, Resource } from './resource.ts';
import type { Popularity, WarmContext } from './warming.ts';

/** The argument of {@link defineResource}. {@link Resource} explains each field. */
export interface ResourceDefinition<Route extends string, Q extends Query, V> extends Freshness {
  readonly name: string;
  readonly route: Route;
  readonly query?: Q;
  readonly summary: string;
  readonly schema: TSchema;
  readonly feeds?: readonly Feed[];
  key(params: ParamsOf<Route, Q>): string;
  load(context: LoadContext<ParamsOf<Route, Q>>): Promise<V | null>;
  tags(params: ParamsOf<Route, Q>): readonly string[];
  valueTags?(value: NoInfer<V>): readonly string[];
  fits?(params: ParamsOf<Route, Q>, value: NoInfer<V>): boolean;
  cut?(params: ParamsOf<Route, Q>, value: NoInfer<V>): NoInfer<V>;
  nextPage?(params: ParamsOf<Route, Q>, value: NoInfer<V>): Partial<ParamsOf<Route, Q>> | undefined;
  warm?(context: WarmContext): Promise<readonly ParamsOf<Route, Q>[]>;
  readonly popularity?: Popularity<ParamsOf<Route, Q>>;
}

/**
 * Declares a resource once. The service serves, caches, documents and invalidates it by this declaration.
 *
 * @example
 * ```ts
 * export const supplier = defineResource({
 *   name: 'supplier',
 *   route: '/orgs/:orgId/suppliers/:id',
 *   summary: 'One supplier',
 *   schema: Supplier,
 *   key: ({ orgId, id }) => `supplier:${orgId}:${id}`,
 *   load: async ({ sql, params: { orgId, id } }) =>
 *     (await sql<Supplier[]>`select … where id = ${id} and org_id = ${orgId}`)[0] ?? null,
 *   ttl: '1h',
 *   tags: ({ orgId }) => [`org:${orgId}`, 'suppliers'],
 *   feeds: [{ table: 'suppliers', keys: ['supplier:{org_id}:{id}'], all: ['suppliers'] }],
 * }).mutation({ method: 'PATCH', … });
 * ```
 * @throws Error when the key leaves a parameter of the path out. Its entry would answer the paths of all orgs, or of all
 *   rows. An org could then tell another org's id from an id that nothing has.
 */
export function defineResource<const Route extends string, V, const Q extends Query = Record<never, never>>(
  definition: ResourceDefinition<Route, Q, V>,
): Resource<ParamsOf<Route, Q>, V> {
  const query = definition.query ?? {};
  const sample = (id: number): ParamsOf<Route, Q> => sampleParams(definition.route, query, id);
  for (const name of pathParams(definition.route)) assertInKey(definition, name, sample(1));
  const key = (params: Params): string => definition.key(params as ParamsOf<Route, Q>);
  const base: Base<ParamsOf<Route, Q>, V> = {
    feeds: [],
    ...definition,
    query,
    group: declaredGroup(definition.key(sample(1))),
    answers: answerCheck<ParamsOf<Route, Q>, V>(definition),
    paramsOf: keyReader(definition.route, query, key),
  };
  return withMutations(base, []);
}

type Base<P extends Params, V> = Omit<Resource<P, V>, 'mutation' | 'mutations'>;

function withMutations<P extends Params, V>(base: Base<P, V>, mutations: readonly Mutation<P>[]): Resource<P, V> {
  return {
    ...base,
    mutations,
    mutation: <Schema extends TSchema, Row>(added: Mutation<P, Schema, Row>) =>
      withMutations(base, [...mutations, added]),
  };
}

function sampleParams<Route extends string, Q extends Query>(
  route: Route,
  query: Query,
  id: number,
): ParamsOf<Route, Q> {
  const names = [...pathParams(route), ...Object.keys(query)];
  return Object.fromEntries(names.map((name) => [name, id])) as ParamsOf<Route, Q>;
}

/** Refuses a key without a parameter of the path. One entry would answer the paths of all orgs, or of all rows. */
function assertInKey<Route extends string, Q extends Query, V>(
  definition: ResourceDefinition<Route, Q, V>,
  name: string,
  params: ParamsOf<Route, Q>,
): void {
  if (definition.key(params) !== definition.key({ ...params, [name]: 2 })) return;
  const what = name === 'orgId' ? 'the org' : `:${name}`;
  throw new Error(`Resource ${definition.name}: its key leaves ${what} out; write it into the key, and into the query`);
}
