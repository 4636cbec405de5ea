/**
 * Starts the SDK before the service (`bun --preload ./otel/preload.ts …`), so that it is in place when the code makes
 * its first span or instrument. Without an OTLP endpoint in the environment this file imports nothing. The start is
 * then as fast, and a request costs as much, as without the file.
 */
import { exportsWanted } from './environment.ts';

const wanted = exportsWanted(process.env);
if (wanted.traces || wanted.metrics || wanted.logs) {
  const { startSdk } = await import('./sdk.ts');
  startSdk(process.env, wanted);
}
