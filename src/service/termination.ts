import type { Logger } from './logging/logger.ts';

/** Parts that are not closed after this long, in milliseconds, end with the process. */
const DEADLINE_MS = 10_000;

/**
 * The same for a start. No client has an answer yet, and a database rolls an unfinished migration back. The process
 * therefore ends with code 0.
 */
const START_DEADLINE_MS = 1_000;

/**
 * A second signal within this time belongs to the same key press. A terminal sends its signal to every process of the group,
 * and a runner such as npx passes on the one that it received.
 */
const ONE_KEY_PRESS_MS = 1_000;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** The symbol under which the preload leaves the function that flushes and stops telemetry, if any was started. */
const TELEMETRY_SHUTDOWN = Symbol.for('tiercel.telemetry.shutdown');

/** The parts of the service that a signal ends. */
export interface Terminable {
  /** True until requests are answered. */
  isStarting(): boolean;
  close(): Promise<void>;
}

/**
 * Closes the service at the first SIGTERM or SIGINT. The process then ends by itself with code 0, because nothing keeps it.
 * At the deadline, or at another signal a second later, it is ended with code 1. A start is ended within a second.
 */
export function onTermination(log: Logger, { isStarting, close }: Terminable): void {
  let closingSince: number | undefined;
  let wasStarting = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (closingSince !== undefined) {
      if (performance.now() - closingSince < ONE_KEY_PRESS_MS) return;
      process.exit(wasStarting ? 0 : 1);
    }
    closingSince = performance.now();
    wasStarting = isStarting();
    log.info({ event: 'shutdown', signal }, `${signal}: shutting down`);
    if (wasStarting) setTimeout(() => process.exit(0), START_DEADLINE_MS).unref();
    const timer = setTimeout(() => {
      log.error({ event: 'shutdown_timeout' }, `Not closed after ${DEADLINE_MS} ms`);
      process.exit(1);
    }, DEADLINE_MS);
    closeAll(close)
      .catch((error: unknown) => {
        log.error({ event: 'shutdown_failed', err: error }, 'Closing failed');
        process.exitCode = 1;
      })
      .finally(() => {
        clearTimeout(timer);
        for (const name of SIGNALS) process.off(name, onSignal);
      });
  };
  for (const name of SIGNALS) process.on(name, onSignal);
}

/** Closes the service, and then telemetry, because closing makes spans too. */
async function closeAll(close: () => Promise<void>): Promise<void> {
  try {
    await close();
  } finally {
    const flush: unknown = Reflect.get(globalThis, TELEMETRY_SHUTDOWN);
    if (typeof flush === 'function') await flush();
  }
}
