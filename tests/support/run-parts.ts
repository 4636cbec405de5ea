import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { until } from '../../src/testing/until.ts';
import { launcher } from './launcher.ts';
import { Output, type Print } from './output.ts';
import type { Part } from './parts.ts';
import { giveSessionWay, givingWay } from './priority.ts';
import { processGroup, signalAll } from './process-tree.ts';
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

/**
 * Runs each part in a process of its own, all at the same time where there is more than one processor. The output of the
 * first is shown as it comes, that of the others once the first has ended.
 *
 * @returns What all of them together came to.
 */
export async function runParts(parts: readonly Part[], run: RunOptions): Promise<TestSummary> {
  const started = parts.map((part) => ({ part, output: new Output(run.print) }));
  started[0]?.output.release();
  const start = async ({ part, output }: (typeof started)[number], index: number): Promise<TestSummary> => {
    const summary = await runPart(part, output, run);
    if (index === 0) for (const other of started) other.output.release();
    if (parts.length > 1) run.progress(`${part.name}: ${summary.passed} passed, ${summary.failed} failed`);
    return summary;
  };
  if (availableParallelism() > 1) return sumUp(await Promise.all(started.map(start)));
  const summaries: TestSummary[] = [];
  for (const [index, one] of started.entries()) summaries.push(await start(one, index));
  return sumUp(summaries);
}

async function runPart({ name, files, givesWay }: Part, output: Output, run: RunOptions): Promise<TestSummary> {
  const { options = [], env, progress, signal } = run;
  if (signal?.aborted) return { passed: 0, failed: 1 };
  const command = [process.execPath, 'test', '--timeout', '30000', ...options, ...files.map((file) => resolve(file))];
  const tests = Bun.spawn([...launcher(), ...(givesWay ? givingWay() : []), ...command], {
    env: process.stderr.isTTY ? { FORCE_COLOR: '1', ...env } : { ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    // A process group of its own, by which everything that its tests start is found again.
    detached: true,
  });
  if (givesWay) giveSessionWay(tests.pid);
  const stop = () => signalAll([-tests.pid], 'SIGTERM');
  signal?.addEventListener('abort', stop);

  const printed = Promise.all([output.take('stderr', tests.stderr), output.take('stdout', tests.stdout)]);
  const status = await tests.exited;
  // Before the output is waited for: what is left behind may hold it open.
  const left = await leftBehind(tests.pid);
  signalAll([-tests.pid], 'SIGKILL');
  signal?.removeEventListener('abort', stop);
  const [errors] = await printed;
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
