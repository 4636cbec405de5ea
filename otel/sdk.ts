import { NodeSDK } from '@opentelemetry/sdk-node';
import manifest from '../package.json' with { type: 'json' };
import { resourceAttributes, type WantedExports } from './environment.ts';
import { PooledIds } from './ids.ts';

/** Where the service finds the function that flushes and stops telemetry, if any was started. */
const SHUTDOWN = Symbol.for('tiercel.telemetry.shutdown');

/** A collector that is away costs a stopping service no more than this, in milliseconds. */
const SHUTDOWN_DEADLINE_MS = 2_000;

/**
 * How long one export may take, retries included, where the environment does not say. Shorter than the 10 s of the
 * specification and than the deadline above: an export under way would keep the process from ending by itself.
 */
const EXPORT_TIMEOUT_MS = 1_500;

/**
 * Starts the SDK as the `OTEL_*` variables ask, for the signals that have an endpoint. No module is patched: spans come
 * from the code itself.
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

/** Sends what is left and stops; gives up at the deadline. Never rejects: a lost span must not fail a clean exit. */
async function flushAndStop(sdk: NodeSDK): Promise<void> {
  const { promise: deadline, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SHUTDOWN_DEADLINE_MS);
  try {
    await Promise.race([sdk.shutdown().catch(() => {}), deadline]);
  } finally {
    clearTimeout(timer);
  }
}
