import { resolve } from 'node:path';
import { until } from '../../src/testing/until.ts';
import { type Child, type ExitStatus, spawnChild } from './child.ts';

/** One line of the service's log: the contract promises `event`, everything else depends on it. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event?: string };

/** An instance of the service in a process of its own. */
export interface ServiceProcess extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** Of the process that serves; signals go to it. */
  readonly pid: number;
  /** Every line of standard output so far that is a JSON object. */
  readonly logs: readonly LogLine[];
  /** All of standard error and standard output so far, as text. */
  output(): string;
  /** Requests `path` of this instance. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Waits for the first line with this `event` that satisfies the condition. */
  logged(event: string, where?: (line: LogLine) => boolean): Promise<LogLine>;
  /** A signal (SIGTERM), and how it ended. */
  stop(signal?: NodeJS.Signals): Promise<ExitStatus>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

const ROOT = resolve(import.meta.dirname, '../..');
const COMMAND = ['--preload', './otel/preload.ts', 'src/service/main.ts'];

/** What the service may take from this machine; everything else is said by the test. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG'];

/** Longer than its own deadline for a graceful shutdown. */
const STOP_MS = 20_000;
const START_MS = 30_000;

/**
 * Starts the service on a free port and waits until it listens.
 *
 * @param env Its environment: nothing else of this process's own but what finding programs needs. `PORT` is 0 unless given.
 * @throws Error with all it printed when it ends before it listens.
 */
export async function startService(env: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const { child, logs } = spawnService(env);
  const event = (name: string, where: (line: LogLine) => boolean = () => true) =>
    logs.find((line) => line.event === name && where(line));
  const look = () => event('listening') ?? (child.isRunning() ? undefined : 'ended');
  const started = await until(look, { within: START_MS, what: 'the service to listen' }).catch(async (error: Error) => {
    await child.kill();
    throw new Error(`${error.message}; it printed:\n${child.output()}`);
  });
  if (started === 'ended') {
    throw new Error(`the service ended (${await child.exited}) before it listened:\n${child.output()}`);
  }
  const url = String(started.url).replace(/\/$/, '');

  const service: ServiceProcess = {
    url,
    pid: child.pid,
    logs,
    output: () => child.output(),
    fetch: (path, init) => fetch(url + path, init).catch((error: unknown) => explain(child, error)),
    logged: (name, where) => until(() => event(name, where), { within: 10_000, what: `the service to log ${name}` }),
    stop: (signal = 'SIGTERM') => child.stop(signal, STOP_MS),
    kill: () => child.kill(),
    pause: () => child.pause(),
    resume: () => child.resume(),
    async [Symbol.asyncDispose]() {
      await child.stop('SIGTERM', STOP_MS);
    },
  };
  return service;
}

/** A connection that is closed tells of its end earlier than a process that has ended. */
const END_MS = 500;

/** @throws an error that holds the last words of a service that has ended, else the error of the request. */
async function explain(child: Child, error: unknown): Promise<never> {
  const isAborted = error instanceof DOMException;
  const status = isAborted ? undefined : await Promise.race([child.exited, Bun.sleep(END_MS).then(() => undefined)]);
  if (status === undefined) throw error;
  throw new Error(`the service has ended (${status}):\n${child.output().slice(-4_000)}`, { cause: error });
}

/** How a service that ends by itself is run. */
export interface RunServiceOptions {
  /** Milliseconds after which it is killed. Default 10,000. */
  readonly within?: number;
  /** The event at whose first line it is sent SIGINT. Default: none. */
  readonly signalAt?: string;
}

/** Runs the service until it ends by itself: for configurations that it refuses, and for `--help`. */
export async function runService(
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  { within = 10_000, signalAt }: RunServiceOptions = {},
): Promise<{ readonly status: ExitStatus; readonly output: string }> {
  const { child, logs } = spawnService(env, args);
  const timer = setTimeout(() => child.signal('SIGKILL'), within);
  if (signalAt !== undefined) {
    const isTime = () => !child.isRunning() || logs.some(({ event }) => event === signalAt);
    await until(isTime, { within, what: `the service to log ${signalAt}` });
    child.signal('SIGINT');
  }
  const status = await child.exited;
  clearTimeout(timer);
  return { status, output: child.output() };
}

function spawnService(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const logs: LogLine[] = [];
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]));
  const child: Child = spawnChild({
    name: 'service',
    command: [process.execPath, ...COMMAND, ...args],
    cwd: ROOT,
    env: { ...inherited, PORT: '0', ...env },
    onLine(line) {
      const parsed = parse(line);
      if (parsed) logs.push(parsed);
    },
  });
  return { child, logs };
}

function parse(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
}
