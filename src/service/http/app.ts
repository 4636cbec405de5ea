import { Elysia } from 'elysia';
import { type CheckHost, hostGuard } from './host-guard.ts';
import { Problem, pathOf, problemResponse } from './problem.ts';
import { RequestLimit } from './request-limit.ts';
import { type Route, type RouteHandler, SEAL } from './route.ts';
import { RouteTable } from './route-table.ts';
import { problemOf } from './to-problem.ts';
import { traceRequests } from './tracing.ts';

/** What the app needs beside its routes. */
export interface AppOptions {
  /** Whether each request makes a span. */
  readonly traced: boolean;
  /** Told of errors that nobody expected; the client learns nothing of them. */
  readonly onUnexpected: (error: unknown, request: Request) => void;
  /** Looks at the `Host` of every request but those of probes. Default: any host that is well-formed. */
  readonly checkHost?: CheckHost;
  /** Requests that may wait for their answer at once; probes are not limited. Default `Infinity`. */
  readonly maxRequests?: number;
  /** Told of each request beyond that. */
  readonly onOverload?: () => void;
}

/**
 * Bodies are limited where they are read, with a problem document as the answer. The server's own limit would answer
 * without one, so it only has to be beyond every body that is read.
 */
const SERVER_BODY_LIMIT = Number.MAX_SAFE_INTEGER;

/** The HTTP application: routes, and a problem document for whatever else is asked. It is not listening yet. */
export function createApp(routes: readonly Route[], options: AppOptions): Elysia {
  const { traced, onUnexpected, checkHost = hostGuard('any'), maxRequests = Infinity, onOverload } = options;
  const table = new RouteTable();
  const app = new Elysia({
    strictPath: true,
    serve: { maxRequestBodySize: SERVER_BODY_LIMIT },
    // The default looks for the path behind the eleventh character of the URL: a short Host would become part of the path.
    handler: { standardHostname: false },
  });
  if (traced) traceRequests(app);
  const refuse = (error: unknown, request: Request): Response => {
    const problem = problemOf(error);
    // Whoever has gone away has ended his own load: nobody reads the answer, and nothing failed.
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
    // Bodies are read by the handlers; the word for it would make Elysia await a GET as well.
    app.route(method, path, handler, method === 'GET' ? {} : { parse: 'none' });
  }
  return app;
}

interface Gate {
  /** Throws a {@link Problem} for a request that is not to be answered. */
  readonly admit: (request: Request) => void;
  readonly limit: RequestLimit;
  /** Adds what every answer has to have. */
  readonly seal: (answer: Response) => Response;
  readonly refuse: (error: unknown, request: Request) => Response;
}

/**
 * A handler that never fails, and gives at once what is there at once: a promise on the way costs a hit from memory a
 * third of the whole request. Elysia reads a handler's text to find out whether to await it; the text of this one, which
 * returns a name and calls nothing there, says no.
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

/** No browser shall take an answer for anything but what it says it is. */
function sealed(answer: Response): Response {
  for (const [name, value] of Object.entries(SEAL)) answer.headers.set(name, value);
  return answer;
}

/** @returns The problem that the answer tells of. */
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
