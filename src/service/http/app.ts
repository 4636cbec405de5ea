import { Elysia } from 'elysia';
import { type CheckHost, hostGuard } from './host-guard.ts';
import { Problem, pathOf, problemResponse } from './problem.ts';
import { RequestLimit } from './request-limit.ts';
import { type Route, type RouteHandler, SEAL } from './route.ts';
import { RouteTable } from './route-table.ts';
import { problemOf } from './to-problem.ts';
import { traceRequests } from './tracing.ts';

/** The collaborators and limits of the app, beside its routes. */
export interface AppOptions {
  /** True when each request makes a span. */
  readonly traced: boolean;
  /** Receives every unexpected error. The client learns nothing of it. */
  readonly onUnexpected: (error: unknown, request: Request) => void;
  /** Checks the `Host` of every request except those of probes. Default: any well-formed host. */
  readonly checkHost?: CheckHost;
  /** The number of requests that may wait for their answer at once. Probes are not limited. Default `Infinity`. */
  readonly maxRequests?: number;
  /** Called for each request beyond that limit. */
  readonly onOverload?: () => void;
}

/**
 * The server's own limit of bodies. It answers without a problem document, so it only has to be larger than every body that
 * is read. `read-body.ts` limits bodies, with a problem document as the answer.
 */
const SERVER_BODY_LIMIT = Number.MAX_SAFE_INTEGER;

/**
 * Builds the HTTP application. It serves the routes, and answers every other request with a problem document. It is not
 * listening yet.
 */
export function createApp(routes: readonly Route[], options: AppOptions): Elysia {
  const { traced, onUnexpected, checkHost = hostGuard('any'), maxRequests = Infinity, onOverload } = options;
  const table = new RouteTable();
  const app = new Elysia({
    strictPath: true,
    serve: { maxRequestBodySize: SERVER_BODY_LIMIT },
    // By default Elysia looks for the path behind the eleventh character of the URL. A short Host would then become part of
    // the path.
    handler: { standardHostname: false },
  });
  if (traced) traceRequests(app);
  const refuse = (error: unknown, request: Request): Response => {
    const problem = problemOf(error);
    // A client that has disconnected has ended its own load. No client reads this answer, and nothing failed.
    if (problem === undefined && !request.signal.aborted) onUnexpected(error, request);
    return sealed(
      problemResponse(problem ?? new Problem(500, 'Something went wrong here; the log says what'), request),
    );
  };
  app.onError(({ code, error, request }) =>
    refuse(code === 'NOT_FOUND' ? unknownRoute(table, request, checkHost) : error, request),
  );
  const limit = new RequestLimit(maxRequests, onOverload);
  const admit = (request: Request): void => {
    checkHost(request);
    limit.assertRoom();
  };
  for (const { method, path, handle, isProbe = false, isSealed = false } of routes) {
    table.add(method, path);
    const seal = isSealed ? (answer: Response) => answer : sealed;
    const handler = answering(handle, { admit: isProbe ? () => {} : admit, limit, seal, refuse });
    // The handlers read the bodies. With `parse`, Elysia would await a GET as well.
    app.route(method, path, handler, method === 'GET' ? {} : { parse: 'none' });
  }
  return app;
}

interface Gate {
  /** Throws a {@link Problem} for a request that must not be answered. */
  readonly admit: (request: Request) => void;
  readonly limit: RequestLimit;
  /** Adds the headers that every answer has. */
  readonly seal: (answer: Response) => Response;
  readonly refuse: (error: unknown, request: Request) => Response;
}

/**
 * Returns a handler that never fails. It returns an immediate answer without a promise, which would cost a hit from memory a
 * third of the whole request.
 *
 * Elysia reads a handler's text to decide if it must await it. This one returns a name and calls nothing in that place, so
 * Elysia does not await it.
 */
function answering(handle: RouteHandler, { admit, limit, seal, refuse }: Gate): RouteHandler {
  const settle = (answer: Promise<Response>, request: Request): Promise<Response> => {
    limit.begin();
    return answer.then(
      (response) => {
        limit.end();
        return seal(response);
      },
      (error: unknown) => {
        limit.end();
        return refuse(error, request);
      },
    );
  };
  return ({ request, params }) => {
    let answer: Response | Promise<Response>;
    try {
      admit(request);
      answer = handle({ request, params });
      answer = answer instanceof Promise ? settle(answer, request) : seal(answer);
    } catch (error) {
      answer = refuse(error, request);
    }
    return answer;
  };
}

/** Adds the headers of {@link SEAL} to an answer. They keep a browser from taking it for another content type. */
function sealed(answer: Response): Response {
  for (const [name, value] of Object.entries(SEAL)) answer.headers.set(name, value);
  return answer;
}

/** @returns The problem that the answer describes. */
function unknownRoute(table: RouteTable, request: Request, checkHost: CheckHost): unknown {
  try {
    checkHost(request);
  } catch (problem) {
    return problem;
  }
  const allowed = table.allowed(pathOf(request.url));
  if (allowed.length === 0) return new Problem(404, 'There is nothing at this path');
  return new Problem(405, `This path takes ${allowed.join(', ')}`, { allow: allowed.join(', ') });
}
