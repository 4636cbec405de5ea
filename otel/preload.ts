/**
 * Loaded before the service (`bun --preload ./otel/preload.ts …`), so that the SDK is in place when the first span or
 * instrument is made. Without an OTLP endpoint in the environment nothing is imported: the start is as fast, and a
 * request costs as much, as if this file were not there.
 */
import { exportsWanted } from './environment.ts';

const wanted = exportsWanted(process.env);
if (wanted.traces || wanted.metrics || wanted.logs) {
  const { startSdk } = await import('./sdk.ts');
  startSdk(process.env, wanted);
}
