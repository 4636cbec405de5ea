/** Attribute values that every tracing system takes. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Names a span from outside of it, for links. Opaque to the core. */
export type SpanRef = unknown;

/** One step being traced. */
export interface Span {
  readonly ref: SpanRef;
  set(attributes: Attributes): void;
  /** Adds a link to a span that this one depends on but is no child of. */
  link(ref: SpanRef): void;
  /** Marks the step as failed. */
  fail(error: unknown): void;
}

/**
 * Tracing as the core sees it; `tiercel/otel` implements it over `@opentelemetry/api`. The core asks nothing of it on
 * an L1 hit beyond {@link tag}, and no method may throw.
 */
export interface Tracer {
  /** Whether a span that begins now may be recorded: where none is, the core takes shorter ways. */
  mayRecord(): boolean;
  /**
   * Runs `step` inside a new span, the child of the active one, and ends the span when its promise settles.
   * @param links Spans that this one depends on.
   * @param root Begin a trace of its own: for work that outlives the request that caused it.
   */
  trace<T>(
    name: string,
    attributes: Attributes,
    step: (span: Span) => Promise<T>,
    options?: { links?: readonly SpanRef[]; root?: boolean },
  ): Promise<T>;
  /** Adds attributes to the span that is active, if one is recording. */
  tag(attributes: Attributes): void;
  /** The active span, for links. */
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
