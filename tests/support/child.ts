import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { until } from '../../src/testing/until.ts';
import { launcher } from './launcher.ts';
import { anyAlive, processTree, signalAll } from './process-tree.ts';

/** What to start, and how. */
export interface ChildOptions {
  /** What error messages call it. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  /** The whole environment of the process; by default a copy of this one's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Runs it as this user; only root may ask for another one. */
  readonly user?: string | undefined;
  /** Both outputs are appended to this file instead of being kept here, so that nothing of them is dropped. */
  readonly logFile?: string;
  /** Called with every whole line of standard output, in order; not together with `logFile`. */
  readonly onLine?: (line: string) => void;
}

/** How a process ended: its exit code, or the signal that ended it. */
export type ExitStatus = number | NodeJS.Signals;

/** A process that this one has started and owns. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves once it has ended. */
  readonly exited: Promise<ExitStatus>;
  /** False as soon as it has ended. */
  isRunning(): boolean;
  /** What it wrote to standard output and standard error together; without a log file its latest {@link KEPT_OUTPUT} characters. */
  output(): string;
  /** Waits until its output matches; rejects with that output when it ends before, or after `within` ms (10,000). */
  ready(pattern: RegExp, within?: number): Promise<RegExpMatchArray>;
  signal(signal: NodeJS.Signals): void;
  /** Stops it and its descendants where they are (SIGSTOP), until {@link Child.resume}. */
  pause(): void;
  resume(): void;
  /** Sends `signal` (SIGTERM), waits for its end, and kills it when it is still there `within` ms (5,000) later. */
  stop(signal?: NodeJS.Signals, within?: number): Promise<ExitStatus>;
  /** Ends it and its descendants at once (SIGKILL) and waits until they are gone. */
  kill(): Promise<void>;
}

/** Characters of output that a {@link Child} keeps. */
export const KEPT_OUTPUT = 256 * 1024;

/** A descendant that lives on may hold the pipes open: the end of the process is not to wait for it any longer. */
const DRAIN_MS = 1_000;

const running = new Set<Child>();

/** The children of this process that have not ended. */
export const runningChildren = (): readonly Child[] => [...running];

/** Ends all of them at once. */
export async function killChildren(): Promise<void> {
  await Promise.all(runningChildren().map((child) => child.kill()));
}

/** Starts a process that does not outlive this one; see {@link launcher}. */
export function spawnChild(options: ChildOptions): Child {
  const { name, command, cwd, env = process.env, user, onLine, logFile } = options;
  const log = logFile === undefined ? undefined : openLog(logFile);
  let kept = '';
  const keep = (text: string) => {
    kept = (kept + text).slice(-KEPT_OUTPUT);
  };
  const spawned = Bun.spawn([...launcher(user), ...command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...env },
    stdin: 'ignore',
    stdout: log?.descriptor ?? 'pipe',
    stderr: log?.descriptor ?? 'pipe',
  });
  log?.release();
  const output = Promise.all([pump(spawned.stdout, onLine ? split(keep, onLine) : keep), pump(spawned.stderr, keep)]);

  let ended = false;
  async function end(): Promise<ExitStatus> {
    const code = await spawned.exited;
    running.delete(child);
    await Promise.race([output, Bun.sleep(DRAIN_MS)]);
    ended = true;
    return spawned.signalCode ?? code;
  }

  /** Stops the process before its descendants are listed: what is stopped starts no others. */
  function freeze(): number[] {
    signalAll([spawned.pid], 'SIGSTOP');
    const tree = processTree(spawned.pid);
    signalAll(tree, 'SIGSTOP');
    return tree;
  }

  const child: Child = {
    name,
    pid: spawned.pid,
    exited: end(),
    isRunning: () => spawned.exitCode === null && spawned.signalCode === null,
    output: () => log?.read() ?? kept,
    async ready(pattern, within = 10_000) {
      const look = () => child.output().match(pattern) ?? (ended ? 'ended' : undefined);
      const seen = await until(look, { within, what: `${name} to print ${pattern}` }).catch((error: Error) => {
        throw new Error(`${error.message}; it printed:\n${child.output()}`);
      });
      if (seen === 'ended') throw new Error(`${name} ended before it printed ${pattern}:\n${child.output()}`);
      return seen;
    },
    signal: (signal) => signalAll([spawned.pid], signal),
    pause() {
      freeze();
    },
    resume: () => signalAll(processTree(spawned.pid), 'SIGCONT'),
    async stop(signal = 'SIGTERM', within = 5_000) {
      if (!child.isRunning()) return child.exited;
      // A paused process would keep the signal for later.
      child.resume();
      child.signal(signal);
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => late.resolve(undefined), within);
      const status = await Promise.race([child.exited, late.promise]);
      clearTimeout(timer);
      if (status === undefined) await child.kill();
      return child.exited;
    },
    async kill() {
      if (!child.isRunning()) return;
      const tree = freeze();
      signalAll(tree, 'SIGKILL');
      await child.exited;
      await until(() => !anyAlive(tree), { every: 20, what: `the descendants of ${name} to be gone` });
    },
  };
  running.add(child);
  return child;
}

/** A file to which a child appends; `read` gives what came since it was opened. */
function openLog(file: string) {
  const descriptor = openSync(file, 'a');
  const start = fstatSync(descriptor).size;
  return {
    descriptor,
    release: () => closeSync(descriptor),
    read: () => readFileSync(file).subarray(start).toString(),
  };
}

async function pump(
  stream: ReadableStream<Uint8Array> | number | undefined,
  take: (text: string) => void,
): Promise<void> {
  if (!(stream instanceof ReadableStream)) return;
  const decoder = new TextDecoder();
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
}

/** Hands text on as it comes, and each line once it is whole. */
function split(take: (text: string) => void, onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    take(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}
