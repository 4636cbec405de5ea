import { type Attributes, NO_SPAN, type Span, type SpanRef, type Tracer } from '../ports/tracer.ts';
import { attempt } from '../primitives/attempt.ts';
import { ignore, quietly } from '../primitives/quietly.ts';

/**
 * Wraps a tracer so that it cannot disturb the step that it watches. The step runs once and keeps its own outcome, even
 * when the tracer throws or its promise rejects. An error of the tracer is swallowed, like the error of a listener.
 */
export class QuietTracer implements Tracer {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  mayRecord(): boolean {
    return quietly(() => this.#tracer.mayRecord()) ?? false;
  }

  trace<T>(
    name: string,
    attributes: Attributes,
    step: (span: Span) => Promise<T>,
    options?: { links?: readonly SpanRef[]; root?: boolean },
  ): Promise<T> {
    let outcome: Promise<T> | undefined;
    const once = (span: Span): Promise<T> => {
      outcome ??= attempt(() => step(span));
      return outcome;
    };
    const traced = quietly(() => this.#tracer.trace(name, attributes, (span) => once(new QuietSpan(span)), options));
    const own = once(NO_SPAN);
    own.catch(ignore);
    // The span ends before the caller goes on. A tracer that returns no promise is not awaited.
    return traced instanceof Promise
      ? traced.then(
          () => own,
          () => own,
        )
      : own;
  }

  /** Tags the present span. Each L1 hit calls this, so it makes no closure. */
  tag(attributes: Attributes): void {
    try {
      this.#tracer.tag(attributes);
    } catch {
      // The caller gets its hit in any case.
    }
  }

  current(): SpanRef | undefined {
    return quietly(() => this.#tracer.current());
  }
}

class QuietSpan implements Span {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
  }

  get ref(): SpanRef {
    return quietly(() => this.#span.ref);
  }

  set(attributes: Attributes): void {
    quietly(() => this.#span.set(attributes));
  }

  link(ref: SpanRef): void {
    quietly(() => this.#span.link(ref));
  }

  fail(error: unknown): void {
    quietly(() => this.#span.fail(error));
  }
}
