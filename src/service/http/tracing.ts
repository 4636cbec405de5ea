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
import { EMPTY_CONTEXT } from './span-context.ts';

const SCOPE = 'tiercel.http';

/** The methods that the HTTP conventions know. Any other method is a client's text, with endlessly many values. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

const HEADERS: TextMapGetter<Headers> = {
  keys: (headers) => [...headers.keys()],
  get: (headers, name) => headers.get(name) ?? undefined,
};

/**
 * Makes one server span for each request, named after its route. The span continues the trace of a well-formed
 * `traceparent`, and all work for the request runs inside it.
 *
 * It costs time on every request, so it is used only where spans are sent. For a request that is not sampled it records
 * nothing and does not wait for the answer. Routes that were added before are not named.
 */
export function traceRequests(app: Elysia): void {
  const tracer = trace.getTracer(SCOPE);
  const fields = propagation.fields();
  app.wrap((handle, request) => {
    const span = tracer.startSpan(methodOf(request), SERVER, parentOf(request, fields));
    const inside = trace.setSpan(EMPTY_CONTEXT, span);
    if (!span.isRecording()) return () => context.with(inside, handle, undefined, request);
    return () => context.with(inside, () => follow(span, handle, request));
  });
  app.onBeforeHandle(({ request, route }) => {
    const span = trace.getActiveSpan();
    if (span?.isRecording()) span.updateName(`${request.method} ${route}`).setAttribute('http.route', route);
  });
}

const SERVER = { kind: SpanKind.SERVER };

function methodOf({ method }: Request): string {
  return METHODS.has(method) ? method : '_OTHER';
}

async function follow(span: Span, handle: (request: Request) => unknown, request: Request): Promise<unknown> {
  try {
    span.setAttributes({
      'http.request.method': methodOf(request),
      'url.path': pathOf(request.url),
      'url.scheme': 'http',
    });
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

/** Takes only the ids of the span from a caller's context. The rest of the context is not trusted and goes no further. */
function parentOf({ headers }: Request, fields: readonly string[]): Context {
  if (!fields.some((field) => headers.has(field))) return ROOT_CONTEXT;
  const remote = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, headers, HEADERS));
  return remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
}
