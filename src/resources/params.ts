/** A whole number in a query string. */
export interface QueryNumber {
  readonly minimum: number;
  readonly maximum: number;
  /** The value when the client leaves the parameter out. */
  readonly default: number;
  readonly description: string;
}

/** Query parameters by name. */
export type Query = Readonly<Record<string, QueryNumber>>;

/**
 * The parameters of one request. All are whole numbers, each with one spelling only. Parameters therefore correspond to
 * cache keys one to one. No client can make two keys of one resource, or reach the key of another one.
 */
export type Params = Readonly<Record<string, number>>;

type PathParam<Route extends string> = Route extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParam<Rest>
  : Route extends `${string}:${infer Name}`
    ? Name
    : never;

/** The parameters that a route and its query declare: `/orgs/:orgId/products/:id` gives `{ orgId, id }`. */
export type ParamsOf<Route extends string, Q extends Query> = {
  readonly [Name in PathParam<Route> | (keyof Q & string)]: number;
};

/** Lists the names of a route's path parameters, in order. */
export function pathParams(route: string): string[] {
  return [...route.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
}
