import type { Attributes, Span, SpanRef, Tracer } from '../ports/tracer.ts';
import { ignore } from '../primitives/quietly.ts';

/** A step that at least one key takes at this moment. */
interface Merged {
  running: number;
  readonly span: Span;
  readonly end: () => void;
}

/**
 * Traces the keys of one call: a step that several keys take at the same time is one span. The span carries no
 * attributes of a single key, except a failure.
 */
export class MergedTracer implements Tracer {
  readonly #tracer: Tracer;
  readonly #merged = new Map<string, Merged>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  mayRecord(): boolean {
    return this.#tracer.mayRecord();
  }

  async trace<T>(name: string, attributes: Attributes, step: (span: Span) => Promise<T>): Promise<T> {
    const merged = this.#merged.get(name) ?? this.#begin(name, attributes);
    merged.running += 1;
    try {
      return await step(merged.span);
    } catch (error) {
      merged.span.fail(error);
      throw error;
    } finally {
      merged.running -= 1;
      if (merged.running === 0) {
        this.#merged.delete(name);
        merged.end();
      }
    }
  }

  tag(): void {}

  current(): SpanRef | undefined {
    return this.#tracer.current();
  }

  #begin(name: string, attributes: Attributes): Merged {
    const ended = Promise.withResolvers<void>();
    let span: Span | undefined;
    // The steps run outside of the span's context, because their later work does not belong to it.
    const tracing = this.#tracer.trace(name, attributes, (own) => {
      span = own;
      return ended.promise;
    });
    tracing.catch(ignore);
    const merged: Merged = {
      running: 0,
      span: {
        ref: span?.ref,
        set() {},
        link() {},
        fail: (error) => span?.fail(error),
      },
      end: () => ended.resolve(),
    };
    this.#merged.set(name, merged);
    return merged;
  }
}
