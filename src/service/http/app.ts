import { Elysia } from 'elysia';
import { Problem, pathOf, problemResponse } from './problem.ts';
import type { Route, RouteHandler } from './route.ts';
import { RouteTable } from './route-table.ts';
import { problemOf } from './to-problem.ts';
import { traceRequests } from './tracing.ts';

/** What the app needs beside its routes. */
export interface AppOptions {
  /** Whether each request makes a span. */
  readonly traced: boolean;
  /** Told of errors that nobody expected; the client learns nothing of them. */
  readonly onUnexpected: (error: unknown, request: Request) => void;
}

/**
 * Bodies are limited where they are read, with a problem document as the answer. The server's own limit would answer
 * without one, so it only has to be beyond every body that is read.
 */
const SERVER_BODY_LIMIT = Number.MAX_SAFE_INTEGER;

/** The HTTP application: routes, and a problem document for whatever else is asked. It is not listening yet. */
export function createApp(routes: readonly Route[], { traced, onUnexpected }: AppOptions): Elysia {
  const table = new RouteTable();
  const app = new Elysia({ strictPath: true, serve: { maxRequestBodySize: SERVER_BODY_LIMIT } });
  if (traced) traceRequests(app);
  const refuse = (error: unknown, request: Request): Response => {
    const problem = problemOf(error);
    // Whoever has gone away has ended his own load: nobody reads the answer, and nothing failed.
    if (problem === undefined && !request.signal.aborted) onUnexpected(error, request);
    return problemResponse(problem ?? new Problem(500, 'Something went wrong here; the log says what'), request);
  };
  app.onError(({ code, error, request }) =>
    refuse(code === 'NOT_FOUND' ? unknownRoute(table, request) : error, request),
  );
  for (const { method, path, handle } of routes) {
    table.add(method, path);
    // Bodies are read by the handlers; the word for it would make Elysia await a GET as well.
    app.route(method, path, answering(handle, refuse), method === 'GET' ? {} : { parse: 'none' });
  }
  return app;
}

/**
 * A handler that never fails, and gives at once what is there at once: a promise on the way costs a hit from memory a
 * third of the whole request. Elysia reads a handler's text to find out whether to await it; the text of this one, which
 * returns a name and calls nothing there, says no.
 */
function answering(handle: RouteHandler, refuse: (error: unknown, request: Request) => Response): RouteHandler {
  const settle = (answer: Promise<Response>, request: Request) =>
    answer.catch((error: unknown) => refuse(error, request));
  return ({ request, params }) => {
    let answer: Response | Promise<Response>;
    try {
      answer = handle({ request, params });
      if (answer instanceof Promise) answer = settle(answer, request);
    } catch (error) {
      answer = refuse(error, request);
    }
    return answer;
  };
}

function unknownRoute(table: RouteTable, request: Request): Problem {
  const allowed = table.allowed(pathOf(request.url));
  if (allowed.length === 0) return new Problem(404, 'There is nothing at this path');
  return new Problem(405, `This path takes ${allowed.join(', ')}`, { allow: allowed.join(', ') });
}
