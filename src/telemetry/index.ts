export { type InstrumentableCache, type Instrumentation, instrument } from './instrument.ts';
export { ATTRIBUTE, LABEL, METRIC, SPAN } from './names.ts';
export { otelTracer } from './tracer.ts';
