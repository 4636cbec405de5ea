import { trace } from '@opentelemetry/api';
import pino, { type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Config } from '../config/load-config.ts';
import { withoutSecrets } from '../config/secrets.ts';

/** The service's log. Every line has a field `event` with one of the documented names. */
export type Logger = PinoLogger;

/**
 * Opens the log: JSON lines, or readable lines for a terminal. It writes synchronously, so that the end of the process
 * loses no line.
 * @param destination The stream of the lines. Default: stdout.
 */
export async function createLogger({ level, format }: Config['log'], destination?: DestinationStream): Promise<Logger> {
  const stream =
    destination ?? (format === 'pretty' ? await prettyStream() : pino.destination({ dest: 1, sync: true }));
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: nameOf },
      serializers: { err: errorAsLogged },
      mixin: traceIds,
    },
    stream,
  );
}

/** Loads the readable format only where a person reads the log. */
async function prettyStream(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty');
  return pretty({ sync: true, messageKey: 'msg', ignore: 'event', translateTime: 'SYS:HH:MM:ss.l' });
}

function nameOf(level: string): { level: string } {
  return { level };
}

/** Shows an error without its other properties. Those can hold a URL with its password, or the parameters of a query. */
function errorAsLogged(error: unknown): unknown {
  if (!(error instanceof Error)) return withoutSecrets(String(error));
  const { name, message, stack = '' } = error;
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: withoutSecrets(String(error.cause)) };
  return { type: name, ...code, message: withoutSecrets(message), stack: withoutSecrets(stack), ...cause };
}

/** Ties a line to the request that caused it. */
function traceIds(): object {
  const context = trace.getActiveSpan()?.spanContext();
  return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
}
