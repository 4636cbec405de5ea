import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installServers } from './install.ts';
import { launcher } from './launcher.ts';
import { startPostgres } from './postgres-server.ts';
import { processGroup, signalAll } from './process-tree.ts';
import { startRedis } from './redis-server.ts';
import { removeFolder } from './temporary-folder.ts';
import { summarise, type TestSummary } from './test-summary.ts';
import { until } from './wait.ts';

/**
 * `bun run test [-- filters]`: sets up what the tests need, runs them, and ends with a line `N passed, N failed`.
 * Exits with 0 only if there were tests and all of them passed and left no process behind; else with 2, the one
 * status after which `bun run` adds no line of its own.
 */
async function main(filters: readonly string[]): Promise<number> {
  const start = performance.now();
  const summary = await run(filters).catch((error: Error): TestSummary => {
    progress(error.message);
    return { passed: 0, failed: 1 };
  });
  progress(`done in ${Math.round((performance.now() - start) / 1_000)} s`);
  process.stdout.write(`${summary.passed} passed, ${summary.failed} failed\n`);
  return summary.failed === 0 ? 0 : 2;
}

async function run(filters: readonly string[]): Promise<TestSummary> {
  const { REDIS_URL, DATABASE_URL, ...environment } = process.env;
  await using ends = new AsyncDisposableStack();

  // One folder for everything of this run: what a test that is killed leaves behind goes with it.
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-run-'));
  ends.defer(() => removeFolder(folder));
  // Servers that run as another user have to find their own folders in it.
  chmodSync(folder, 0o711);
  process.env.TMPDIR = folder;

  await installServers({ redis: REDIS_URL, postgres: DATABASE_URL }, progress);
  progress(REDIS_URL ? 'using the Redis of REDIS_URL' : 'starting Redis');
  const redis = REDIS_URL || ends.use(await startRedis()).url;
  progress(DATABASE_URL ? 'using the PostgreSQL of DATABASE_URL' : 'starting PostgreSQL');
  const database = DATABASE_URL || ends.use(await startPostgres()).url;

  progress('running the tests');
  return await runTests(filters, {
    ...environment,
    TMPDIR: folder,
    TIERCEL_TEST_REDIS_URL: redis,
    TIERCEL_TEST_DATABASE_URL: database,
  });
}

async function runTests(filters: readonly string[], env: Record<string, string | undefined>): Promise<TestSummary> {
  const tests = Bun.spawn([...launcher(), process.execPath, 'test', '--timeout', '30000', ...filters], {
    env: process.stderr.isTTY ? { FORCE_COLOR: '1', ...env } : env,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'pipe',
    // A process group of its own, by which everything that its tests start is found again.
    detached: true,
  });
  const stop = () => signalAll([-tests.pid], 'SIGTERM');
  process.on('SIGINT', stop).on('SIGTERM', stop);

  const output = show(tests.stderr);
  const status = await tests.exited;
  // Before the output is waited for: what is left behind may hold it open.
  const left = await leftBehind(tests.pid);
  signalAll([-tests.pid], 'SIGKILL');
  const summary = summarise(await output, status);
  if (left.length === 0) return summary;
  progress(`the tests left processes behind:\n${left.join('\n')}`);
  return { ...summary, failed: summary.failed + 1 };
}

/** Passes output on as it comes, and returns the whole of it. */
async function show(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let all = '';
  for await (const bytes of stream) {
    process.stderr.write(bytes);
    all += decoder.decode(bytes, { stream: true });
  }
  return all;
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

function progress(line: string): void {
  process.stderr.write(`[test] ${line}\n`);
}

const [, , ...args] = process.argv;
process.exitCode = await main(args[0] === '--' ? args.slice(1) : args);
