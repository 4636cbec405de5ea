import { NodeSDK } from '@opentelemetry/sdk-node';
import manifest from '../package.json' with { type: 'json' };
import { resourceAttributes, type WantedExports } from './environment.ts';
import { PooledIds } from './ids.ts';

/**
 * The service finds under this symbol the function that flushes and stops telemetry. The symbol is absent if no SDK
 * runs.
 */
const SHUTDOWN = Symbol.for('tiercel.telemetry.shutdown');

/** A collector that does not answer delays a stopping service by at most this long. Milliseconds. */
const SHUTDOWN_DEADLINE_MS = 2_000;

/**
 * Limits one export, retries included, where the environment gives no limit. Milliseconds. It is shorter than the 10 s
 * of the specification and than the deadline above. A longer export would keep the process from ending by itself.
 */
const EXPORT_TIMEOUT_MS = 1_500;

/**
 * Starts the SDK as the `OTEL_*` variables ask, for the signals that have an endpoint. The SDK patches no module. The
 * code makes its spans itself.
 */
export function startSdk(environment: Record<string, string | undefined>, wanted: WantedExports): void {
  environment.OTEL_RESOURCE_ATTRIBUTES = resourceAttributes(environment, manifest.version);
  environment.OTEL_EXPORTER_OTLP_TIMEOUT ??= String(EXPORT_TIMEOUT_MS);
  const sdk = new NodeSDK({
    instrumentations: [],
    idGenerator: new PooledIds(),
    ...(wanted.traces ? {} : { spanProcessors: [] }),
    ...(wanted.metrics ? {} : { metricReaders: [] }),
    ...(wanted.logs ? {} : { logRecordProcessors: [] }),
  });
  sdk.start();
  let stopped: Promise<void> | undefined;
  const shutdown = (): Promise<void> => (stopped ??= flushAndStop(sdk));
  Object.defineProperty(globalThis, SHUTDOWN, { value: shutdown });
}

/**
 * Sends the spans and metrics that are left, stops the SDK, and gives up at the deadline. It never rejects: a lost span
 * must not fail a clean exit.
 */
async function flushAndStop(sdk: NodeSDK): Promise<void> {
  const { promise: deadline, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SHUTDOWN_DEADLINE_MS);
  try {
    await Promise.race([sdk.shutdown().catch(() => {}), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
