import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installServers } from './install.ts';
import type { Print } from './output.ts';
import { partsOf, testFiles } from './parts.ts';
import { startPostgres } from './postgres-server.ts';
import { startRedis } from './redis-server.ts';
import { runParts } from './run-parts.ts';
import { removeFolder } from './temporary-folder.ts';
import type { TestSummary } from './test-summary.ts';

/**
 * `bun run test [-- filters] [options of bun test]`: sets up what the tests need, runs them, and ends with a line
 * `N passed, N failed`. Exits with 0 only if there were tests and all of them passed and left no process behind; else
 * with 2, the one status after which `bun run` adds no line of its own.
 */
async function main(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const summary = await run(args).catch((error: Error): TestSummary => {
    progress(error.message);
    return { passed: 0, failed: 1 };
  });
  progress(`done in ${Math.round((performance.now() - start) / 1_000)} s`);
  process.stdout.write(`${summary.passed} passed, ${summary.failed} failed\n`);
  return summary.failed === 0 ? 0 : 2;
}

async function run(args: readonly string[]): Promise<TestSummary> {
  const { filters, options } = split(args);
  const parts = partsOf(testFiles(filters));
  if (parts.length === 0) throw new Error(`no test file has ${filters.join(' or ')} in its path`);
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
  const env = {
    ...environment,
    TMPDIR: folder,
    TIERCEL_TEST_REDIS_URL: redis,
    TIERCEL_TEST_DATABASE_URL: database,
  };
  return await runParts(parts, { options, env, print, progress, signal: interrupted() });
}

/** The words that come first are filters; from the first option on, everything is for `bun test`. */
function split(args: readonly string[]): { readonly filters: readonly string[]; readonly options: readonly string[] } {
  const first = args.findIndex((arg) => arg.startsWith('-'));
  return first === -1 ? { filters: args, options: [] } : { filters: args.slice(0, first), options: args.slice(first) };
}

/** From now on, the tests are to be ended by these signals before this process is. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.on('SIGINT', abort).on('SIGTERM', abort);
  return controller.signal;
}

function print(...[stream, bytes]: Parameters<Print>): void {
  process[stream].write(bytes);
}

function progress(line: string): void {
  process.stderr.write(`[test] ${line}\n`);
}

const [, , ...args] = process.argv;
process.exitCode = await main(args[0] === '--' ? args.slice(1) : args);
