/** One parameter of an operation, as OpenAPI 3.1 writes it. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: object;
}

/** One operation, as OpenAPI 3.1 writes it. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

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
  /** A probe of the orchestrator: answered for every `Host`, however many requests are under way. Default `false`. */
  readonly isProbe?: boolean;
  /**
   * Its answers have the headers of {@link SEAL} already. To set them on a finished answer costs as much as to make one, which
   * a hit from memory would feel. Default `false`.
   */
  readonly isSealed?: boolean;
  /** How the API's documentation shows it; left out for pages, which are no part of the API. */
  readonly operation?: Operation;
}

/** Headers of every answer. */
export const SEAL = { 'x-content-type-options': 'nosniff' } as const;

/** Where the API begins. */
export const API_PREFIX = '/api/v1';
