import { chmodSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { until } from '../../src/testing/until.ts';
import { failedTests } from './failed-tests.ts';
import { launcher } from './launcher.ts';
import { Output, type Print } from './output.ts';
import type { Part } from './parts.ts';
import { giveSessionWay, givingWay } from './priority.ts';
import { processGroup, signalAll } from './process-tree.ts';
import { RunProgress } from './run-progress.ts';
import { removeFolder, temporaryFolder } from './temporary-folder.ts';
import { summarise, sumUp, type TestSummary } from './test-summary.ts';

/** How the processes of a run are started. */
export interface RunOptions {
  /** Further options of `bun test`. */
  readonly options?: readonly string[];
  /** The whole environment of each. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly print: Print;
  readonly progress: (line: string) => void;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
}

/** A test that computes hears no signal. */
const GRACE_MS = 2_000;

/**
 * Runs each part in a process of its own, all at the same time where there is more than one processor; a part that is to
 * be alone begins when those before it have ended. Their output is
 * shown in their order: of the first as it comes, of the others once those before have ended. What failed is told once
 * more at the end.
 *
 * @returns What all of them together came to.
 */
export async function runParts(parts: readonly Part[], run: RunOptions): Promise<TestSummary> {
  const isCrowded = availableParallelism() === 1;
  const running: Promise<TestSummary>[] = [];
  const failures: string[] = [];
  const far = new RunProgress(parts.flatMap(({ files }) => files).length, run.progress);
  using _telling = far.start();
  for (const [lane, part] of parts.entries()) {
    const before = Promise.all(running);
    const output = new Output(run.print);
    void before.then(() => output.release());
    const own = async (): Promise<TestSummary> => {
      if (isCrowded || part.isAlone) await before;
      const summary = await runPart(part, { lane, output, failures, far }, run).catch((error: Error): TestSummary => {
        run.progress(`${part.name}: ${error.message}`);
        return { passed: 0, failed: 1 };
      });
      if (parts.length > 1) run.progress(`${part.name}: ${summary.passed} passed, ${summary.failed} failed`);
      return summary;
    };
    running.push(own());
  }
  const summaries = await Promise.all(running);
  for (const failure of failures) run.progress(`failed: ${failure}`);
  return sumUp(summaries);
}

/** The lane and the output of one part, and the figures that all parts share. */
interface Lane {
  readonly lane: number;
  readonly output: Output;
  readonly failures: string[];
  readonly far: RunProgress;
}

async function runPart(part: Part, { lane, output, failures, far }: Lane, run: RunOptions): Promise<TestSummary> {
  const { name, files, niceness, timeoutMs } = part;
  const { options = [], env, progress, signal } = run;
  if (signal?.aborted) return { passed: 0, failed: 1 };
  // Of its own, so that what one leaves there for a while is nothing to another.
  using folder = new DisposableStack();
  const TMPDIR = folder.adopt(temporaryFolder('part'), removeFolder);
  // Servers that run as another user have to find their own folders in it.
  chmodSync(TMPDIR, 0o711);
  const paths = files.map((file) => resolve(file));
  const command = [process.execPath, 'test', '--timeout', String(timeoutMs), ...options, ...paths];
  const tests = Bun.spawn([...launcher(), ...givingWay(niceness), ...command], {
    env: { ...(process.stderr.isTTY && { FORCE_COLOR: '1' }), ...env, TMPDIR, TIERCEL_TEST_LANE: String(lane) },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    // A process group of its own, by which everything that its tests start is found again.
    detached: true,
  });
  giveSessionWay(tests.pid, niceness);
  let lastResort: Timer | undefined;
  const stop = () => {
    signalAll([-tests.pid], 'SIGTERM');
    lastResort = setTimeout(() => signalAll([-tests.pid], 'SIGKILL'), GRACE_MS);
  };
  signal?.addEventListener('abort', stop);

  const printed = Promise.all([output.take('stderr', tests.stderr, far.reader()), output.take('stdout', tests.stdout)]);
  const status = await tests.exited;
  // Before the output is waited for: what is left behind may hold it open.
  const left = await leftBehind(tests.pid);
  signalAll([-tests.pid], 'SIGKILL');
  signal?.removeEventListener('abort', stop);
  clearTimeout(lastResort);
  const [errors] = await printed;
  failures.push(...failedTests(errors));
  const summary = summarise(errors, status);
  if (left.length === 0) return summary;
  progress(`${name} left processes behind:\n${left.join('\n')}`);
  return { ...summary, failed: summary.failed + 1 };
}

/** What still runs of the group. The kernel ends most of it together with the tests, which takes a moment. */
async function leftBehind(group: number): Promise<string[]> {
  const gone = until(() => processGroup(group).length === 0, {
    every: 50,
    within: 2_000,
    what: 'the tests to be gone',
  });
  return gone.then(
    () => [],
    () => processGroup(group),
  );
}
