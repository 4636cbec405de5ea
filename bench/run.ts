import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installServers } from '../tests/support/install.ts';
import { launcher } from '../tests/support/launcher.ts';
import { removeFolder } from '../tests/support/temporary-folder.ts';
import { BENCHMARKS, type Benchmark } from './benchmarks.ts';
import { aimsTable, readResults, resultsFolder } from './support/report.ts';
import { aimsOf, summaryOf } from './support/summary.ts';

const USAGE = `Usage: bun run bench [names] [options]

Measures Tiercel and its peers, each benchmark in a process of its own. Starts its own servers, and installs what it
compares with. Writes bench/results/<name>.json and bench/results/README.md; ends with a table of the aims, of the
benchmarks that were run.

  --quick   a short run, which shows that everything runs; its results go to bench/results/quick/
  --list    the names alone
  --help    this text

${linesOf(({ onlyByName }) => !onlyByName)}

Only when they are named:

${linesOf(({ onlyByName }) => onlyByName === true)}`;

function linesOf(isMeant: (one: Benchmark) => boolean): string {
  return BENCHMARKS.filter(isMeant)
    .map(({ name, about }) => `  ${name.padEnd(22)}${about}`)
    .join('\n');
}

const OPTIONS = { quick: { type: 'boolean' }, list: { type: 'boolean' }, help: { type: 'boolean' } } as const;

/** The status of a program that was interrupted. */
const INTERRUPTED = 130;

/** Time between two lines that report how long a benchmark has been running. Milliseconds. */
const TELL_EVERY_MS = 30_000;

let interrupted = false;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true, strict: true });
  if (values.help) return print(USAGE);
  if (values.list) return print(BENCHMARKS.map(({ name }) => name).join('\n'));
  const chosen = choose(positionals);
  const quick = values.quick ?? false;

  const folder = mkdtempSync(join(tmpdir(), 'tiercel-bench-'));
  // A PostgreSQL that runs as another user has to find its own folder in this one.
  chmodSync(folder, 0o711);
  try {
    await prepare(chosen);
    const failed: string[] = [];
    for (const [index, benchmark] of chosen.entries()) {
      progress(`${benchmark.name} (${index + 1} of ${chosen.length}): ${benchmark.about}`);
      if (!(await run(benchmark, quick, folder))) failed.push(benchmark.name);
      if (interrupted) return INTERRUPTED;
    }
    summarise(chosen, quick);
    if (failed.length > 0) progress(`failed: ${failed.join(', ')}`);
    return failed.length === 0 ? 0 : 1;
  } finally {
    removeFolder(folder);
  }
}

/**
 * Chooses the benchmarks that run.
 * @throws Error naming a benchmark that does not exist.
 */
function choose(names: readonly string[]): readonly Benchmark[] {
  if (names.length === 0) return BENCHMARKS.filter(({ onlyByName }) => !onlyByName);
  return names.map((name) => {
    const found = BENCHMARKS.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no benchmark ${name}; --list names them all`);
    return found;
  });
}

/** Installs the servers that are missing and the packages that Tiercel is compared with. */
async function prepare(chosen: readonly Benchmark[]): Promise<void> {
  progress('installing the servers and peers that are missing');
  const isNeeded = (server: Benchmark['servers'][number]) => chosen.some(({ servers }) => servers.includes(server));
  // A server that is given is not installed.
  const given = (server: Benchmark['servers'][number]) => (isNeeded(server) ? undefined : 'not needed');
  await installServers({ redis: given('redis'), postgres: given('postgres') }, progress);
  for (const part of ['.', 'peers']) {
    const command = [process.execPath, 'install', '--frozen-lockfile', '--silent'];
    const { exited } = Bun.spawn(command, { cwd: join(import.meta.dir, part), stdout: 'ignore', stderr: 'inherit' });
    if ((await exited) !== 0) throw new Error(`the packages of bench/${part} could not be installed`);
  }
}

/** @returns true if the program came to its end. Files in its temporary folder go with the run's own folder. */
async function run({ name, file }: Benchmark, quick: boolean, folder: string): Promise<boolean> {
  const command = [process.execPath, join(import.meta.dir, file), ...(quick ? ['--quick'] : [])];
  const child = Bun.spawn([...launcher(), ...command], {
    cwd: join(import.meta.dir, '..'),
    env: { ...process.env, TMPDIR: folder },
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  });
  const stop = (): void => {
    interrupted = true;
    child.kill('SIGTERM');
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const began = performance.now();
  const telling = setInterval(() => {
    progress(`${name} has been running for ${Math.round((performance.now() - began) / 1_000)} s`);
  }, TELL_EVERY_MS);
  const status = await child.exited;
  clearInterval(telling);
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return status === 0;
}

/** Writes the document of all results, and prints the aims of the benchmarks that ran. */
function summarise(chosen: readonly Benchmark[], quick: boolean): void {
  const order = BENCHMARKS.map(({ name }) => name);
  const results = readResults(resultsFolder(quick)).sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  writeFileSync(join(resultsFolder(quick), 'README.md'), summaryOf(results));
  const aims = aimsOf(results.filter(({ name }) => chosen.some((one) => one.name === name)));
  if (aims.length > 0) print(`\n## Aims\n\n${aimsTable(aims)}`);
}

function print(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

function progress(line: string): void {
  process.stderr.write(`[bench] ${line}\n`);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  progress(error.message);
  return 2;
});
