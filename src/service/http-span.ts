import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import type { Elysia } from 'elysia';
import { pathOf } from './problem.ts';

const SCOPE = 'tiercel.http';

/** The methods that the HTTP conventions know; any other is a stranger's text, and there are endlessly many. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

const HEADERS: TextMapGetter<Headers> = {
  keys: (headers) => [...headers.keys()],
  get: (headers, name) => headers.get(name) ?? undefined,
};

/**
 * One server span a request, named after its route, continuing the trace that a well-formed `traceparent` names.
 * Whatever runs for the request is inside of it. Costs something on every request: to be used only where spans are sent.
 * Routes added before are not named.
 */
export function traceRequests(app: Elysia): void {
  const tracer = trace.getTracer(SCOPE);
  app.wrap((handle, request) => {
    const method = METHODS.has(request.method) ? request.method : '_OTHER';
    const attributes = { 'http.request.method': method, 'url.path': pathOf(request.url), 'url.scheme': 'http' };
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parentOf(request));
    const inside = trace.setSpan(context.active(), span);
    return () => context.with(inside, () => follow(span, handle, request));
  });
  app.onBeforeHandle(({ request, route }) => {
    trace.getActiveSpan()?.updateName(`${request.method} ${route}`).setAttribute('http.route', route);
  });
}

async function follow(span: Span, handle: (request: Request) => unknown, request: Request): Promise<unknown> {
  try {
    const response = await handle(request);
    if (response instanceof Response) {
      span.setAttribute('http.response.status_code', response.status);
      if (response.status >= 500) {
        span.setAttribute('error.type', String(response.status)).setStatus({ code: SpanStatusCode.ERROR });
      }
    }
    return response;
  } finally {
    span.end();
  }
}

/** Nothing of a caller's context is believed but the ids of its span; what it wants to tell further stops here. */
function parentOf(request: Request): Context {
  const remote = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, request.headers, HEADERS));
  return remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
}
