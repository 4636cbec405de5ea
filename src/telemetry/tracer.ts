import { isSpanContextValid, type Span as OtelSpan, type SpanContext, SpanStatusCode, trace } from '@opentelemetry/api';
import { isCacheError } from '../core/model/errors.ts';
import type { Attributes, Span, SpanRef, Tracer } from '../core/ports/tracer.ts';
import { ATTRIBUTE, ERROR_TYPE, SCOPE } from './names.ts';

/**
 * Makes a {@link Tracer} over `@opentelemetry/api`. {@link instrument} uses it; pass it to `createCache` for spans
 * alone.
 *
 * The tracer follows the SDK that the application registers, before or after this call. Without an SDK it makes no span
 * and allocates nothing for {@link Tracer.tag}.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { otelTracer } from 'tiercel/otel';
 *
 * const cache = createCache({ name: 'catalog', l1: lru(), tracer: otelTracer('catalog') });
 * ```
 * @param cacheName Value of the attribute `cache.name`.
 */
export function otelTracer(cacheName: string): Tracer {
  const tracer = trace.getTracer(SCOPE);
  return {
    mayRecord() {
      const active = trace.getActiveSpan();
      // Without an active span the sampler has not decided yet.
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

/** Runs a step and ends its span with it. The outcome of the step passes through unchanged. */
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

  /** Records the first failure of the span, which names the cause. Later failures follow from it and would hide it. */
  fail(error: unknown): void {
    if (this.#failed || !this.#span.isRecording()) return;
    this.#failed = true;
    const message = error instanceof Error ? error.message : String(error);
    this.#span.setAttribute(ERROR_TYPE, errorType(error));
    this.#span.recordException(error instanceof Error ? error : message);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
}

/**
 * Names an error with few, stable values, as the `error.type` convention asks: the literal `code` of a cache error,
 * else the class.
 */
function errorType(error: unknown): string {
  if (isCacheError(error)) return error.code;
  return error instanceof Error ? error.name : '_OTHER';
}

/** The core hands refs back as it got them. They are contexts of this tracer, or empty where no SDK is registered. */
function isLinkable(ref: SpanRef): ref is SpanContext {
  return typeof ref === 'object' && ref !== null && 'traceId' in ref && isSpanContextValid(ref as SpanContext);
}
