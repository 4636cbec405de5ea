/** One parameter of an operation, in the form of OpenAPI 3.1. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: object;
}

/** One operation, in the form of OpenAPI 3.1. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

/** The part of Elysia's context that handlers use. */
export interface RouteContext {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
}

/** Answers one request, or rejects with a `Problem` or an error that `problemOf` translates. */
export type RouteHandler = (context: RouteContext) => Promise<Response> | Response;

/** One route of the service. The app, its 405 answers and the API's documentation are made from these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The path. Its parameters are written `:name`. */
  readonly path: string;
  readonly handle: RouteHandler;
  /**
   * True for a probe of the orchestrator. It is answered for every `Host`, however many requests are under way. Default
   * `false`.
   */
  readonly isProbe?: boolean;
  /**
   * True when the route's answers already have the headers of {@link SEAL}. Setting them on a finished answer costs as much
   * as making one, which a hit from memory would feel. Default `false`.
   */
  readonly isSealed?: boolean;
  /** The route in the API's documentation. Pages have none, because they are not part of the API. */
  readonly operation?: Operation;
}

/** The headers of every answer. */
export const SEAL = { 'x-content-type-options': 'nosniff' } as const;

/** The path under which the API lies. */
export const API_PREFIX = '/api/v1';
