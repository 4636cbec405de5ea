/** A whole number in a query string. */
export interface QueryNumber {
  readonly minimum: number;
  readonly maximum: number;
  /** What it is when the client leaves it out. */
  readonly default: number;
  readonly description: string;
}

/** Query parameters by name. */
export type Query = Readonly<Record<string, QueryNumber>>;

/**
 * Parameters of one request. All are whole numbers, each with one spelling only: so parameters and cache keys stand
 * for one another one to one, and no client can make two keys, or a key of somebody else's, out of one resource.
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

/** Names of a route's path parameters, in order. */
export function pathParams(route: string): string[] {
  return [...route.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
}
