import type { Operation } from './openapi/operation.ts';

/** What handlers take of Elysia's context. */
export interface RouteContext {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
}

/** Answers one request, or rejects: with a `Problem`, or with what `problemOf` makes one of. */
export type RouteHandler = (context: RouteContext) => Promise<Response> | Response;

/** One route of the service. The app, its 405 answers and the API's documentation are all made from these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters are written `:name`. */
  readonly path: string;
  readonly handle: RouteHandler;
  /** How the API's documentation shows it; left out for pages, which are no part of the API. */
  readonly operation?: Operation;
}
