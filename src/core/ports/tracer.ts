/** Attribute values that every tracing system takes. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Names a span from outside of it, for links. The core does not look into it. */
export type SpanRef = unknown;

/** One step that is traced. */
export interface Span {
  readonly ref: SpanRef;
  set(attributes: Attributes): void;
  /** Adds a link to a span that this one depends on but is no child of. */
  link(ref: SpanRef): void;
  /** Marks the step as failed. */
  fail(error: unknown): void;
}

/**
 * Tracing as the core sees it. `tiercel/otel` implements it over `@opentelemetry/api`. On an L1 hit the core only calls
 * {@link tag}. No method may throw.
 */
export interface Tracer {
  /** Returns true when a span that begins now may be recorded. Where none is, the core takes shorter ways. */
  mayRecord(): boolean;
  /**
   * Runs `step` inside a new span, a child of the active one. The span ends when the promise of `step` settles. `links`
   * names spans that this one depends on. `root` begins a trace of its own, for work that outlives its request.
   */
  trace<T>(
    name: string,
    attributes: Attributes,
    step: (span: Span) => Promise<T>,
    options?: { links?: readonly SpanRef[]; root?: boolean },
  ): Promise<T>;
  /** Adds attributes to the span that is active, if one is recording. */
  tag(attributes: Attributes): void;
  /** Returns the active span, for links. */
  current(): SpanRef | undefined;
}

/** Stands for a span where none is recorded. */
export const NO_SPAN: Span = { ref: undefined, set() {}, link() {}, fail() {} };

/** Traces nothing. */
export const noTracer: Tracer = {
  mayRecord: () => false,
  trace: (_name, _attributes, step) => step(NO_SPAN),
  tag() {},
  current: () => undefined,
};
