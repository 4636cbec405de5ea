import { isSpanContextValid, type Span as OtelSpan, type SpanContext, SpanStatusCode, trace } from '@opentelemetry/api';
import { isCacheError } from '../core/model/errors.ts';
import type { Attributes, Span, SpanRef, Tracer } from '../core/ports/tracer.ts';
import { ATTRIBUTE, ERROR_TYPE, SCOPE } from './names.ts';

/**
 * A {@link Tracer} over `@opentelemetry/api`. It follows whatever SDK the application registers, before or after this
 * call; without one no span is made and nothing is allocated for {@link Tracer.tag}.
 * @param cacheName Value of the attribute `cache.name`.
 */
export function otelTracer(cacheName: string): Tracer {
  const tracer = trace.getTracer(SCOPE);
  return {
    mayRecord() {
      const active = trace.getActiveSpan();
      // Without one the sampler has not been asked yet.
      return active === undefined || active.isRecording();
    },
    trace(name, attributes, step, { links = [], root = false } = {}) {
      const options = {
        attributes: { [ATTRIBUTE.name]: cacheName, ...attributes },
        links: links.filter(isLinkable).map((context) => ({ context })),
        root,
      };
      return tracer.startActiveSpan(name, options, (otelSpan) => follow(otelSpan, step));
    },
    tag(attributes) {
      const active = trace.getActiveSpan();
      if (active?.isRecording()) active.setAttribute(ATTRIBUTE.name, cacheName).setAttributes(attributes);
    },
    current: () => trace.getActiveSpan()?.spanContext(),
  };
}

/** Runs a step and ends its span with it. The step's own outcome passes through untouched. */
async function follow<T>(otelSpan: OtelSpan, step: (span: Span) => Promise<T>): Promise<T> {
  const span = new RecordedSpan(otelSpan);
  try {
    return await step(span);
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    otelSpan.end();
  }
}

class RecordedSpan implements Span {
  readonly ref: SpanContext;
  readonly #span: OtelSpan;
  #failed = false;

  constructor(span: OtelSpan) {
    this.#span = span;
    this.ref = span.spanContext();
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  link(ref: SpanRef): void {
    if (isLinkable(ref)) this.#span.addLink({ context: ref });
  }

  /** The first failure names the cause; what follows from it would only hide it. */
  fail(error: unknown): void {
    if (this.#failed || !this.#span.isRecording()) return;
    this.#failed = true;
    const message = error instanceof Error ? error.message : String(error);
    this.#span.setAttribute(ERROR_TYPE, errorType(error));
    this.#span.recordException(error instanceof Error ? error : message);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
}

/** The `error.type` convention wants few, stable values: our literal code, else the error's class. */
function errorType(error: unknown): string {
  if (isCacheError(error)) return error.code;
  return error instanceof Error ? error.name : '_OTHER';
}

/** Refs come back from the core as it got them: contexts of this tracer, or nothing where no SDK is registered. */
function isLinkable(ref: SpanRef): ref is SpanContext {
  return typeof ref === 'object' && ref !== null && 'traceId' in ref && isSpanContextValid(ref as SpanContext);
}
