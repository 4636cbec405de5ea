import { trace } from '@opentelemetry/api';
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { type InstrumentableCache, instrument } from 'tiercel/otel';

/** Takes spans and keeps none, since the benchmark does not measure an exporter. */
const FORGETFUL: NonNullable<NodeSDKConfiguration['spanProcessors']>[number] = {
  onStart() {},
  onEnd() {},
  forceFlush: async () => {},
  shutdown: async () => {},
};

/** Starts the SDK, which records every span. Call it once in a process. */
export function startRecording(): void {
  new NodeSDK({ spanProcessors: [FORGETFUL], instrumentations: [], autoDetectResources: false }).start();
}

/** Gives the cache its instrumentation. */
export function recording(owner: AsyncDisposableStack, cache: InstrumentableCache) {
  const { detach } = instrument(cache);
  owner.defer(detach);
  const tracer = trace.getTracer('bench');
  return {
    /** Runs the work inside an active span that is recorded. */
    inSpan: <T>(work: () => T): T =>
      tracer.startActiveSpan('request', (span) => {
        if (!span.isRecording()) throw new Error('the span of the benchmark is not recorded');
        try {
          return work();
        } finally {
          span.end();
        }
      }),
  };
}
