import { type Attributes, NO_SPAN, type Span, type SpanRef, type Tracer } from '../ports/tracer.ts';
import { attempt } from '../primitives/attempt.ts';
import { ignore, quietly } from '../primitives/quietly.ts';

/**
 * Any tracer, kept from disturbing what it watches. A step runs once and its outcome is the step's own, whatever the tracer
 * throws, at once or by its promise. What it throws is swallowed, like the fault of a listener.
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
    // The span ends before the caller goes on. A tracer that answers with no promise is not waited for.
    return traced instanceof Promise
      ? traced.then(
          () => own,
          () => own,
        )
      : own;
  }

  /** Each hit of L1 calls it, so it makes no closure. */
  tag(attributes: Attributes): void {
    try {
      this.#tracer.tag(attributes);
    } catch {
      // The hit is the caller's all the same.
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
