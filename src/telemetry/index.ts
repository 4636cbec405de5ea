export { ATTRIBUTES, LABELS, METRICS, SPANS } from './names.ts';
export { otelTracer } from './tracer.ts';
