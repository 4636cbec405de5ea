import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { versionsIn } from './catalog.ts';
import { Checker } from './checker.ts';
import { FAULTS, injectFault, shuffled } from './faults.ts';
import { endOf, type Fleet, startFleet } from './fleet.ts';
import { parseOptions, type SoakOptions, USAGE, UsageError } from './options.ts';
import { Progress } from './progress.ts';
import { checkConvergence, startWorkload } from './workload.ts';

const EXIT_VIOLATED = 1;
const EXIT_USAGE = 64;
/** Before the first fault, so that figures of memory are not those of a start. */
const WARM_UP_MS = 10_000;

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'number') return options;
  const ending = new AbortController();
  // The second signal ends it the hard way.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort());
  await using owner = new AsyncDisposableStack();
  say(`seed ${options.seed}: ${options.minutes} min, a fault every ${options.every} s, ${options.instances} instances`);
  say('starting PostgreSQL, Redis and the instances');
  const postgres = owner.use(await startPostgres());
  const fleet = await startFleet(owner, { instances: options.instances, postgres: postgres.url });
  const checker = new Checker(await versionsIn(fleet.sql), fleet.maxLagMs);
  const progress = new Progress(fleet, checker, say);

  await soak(options, fleet, checker, progress, ending.signal);
  progress.tellUsage();
  for (const complaint of (await Promise.all(fleet.members.map(endOf))).flat()) checker.violate('no error', complaint);
  progress.summarise();
  return checker.violationCount === 0 ? 0 : EXIT_VIOLATED;
}

/** Options, or the exit code when there is nothing to run. */
function readOptions(args: readonly string[]): SoakOptions | number {
  try {
    const options = parseOptions(args);
    if (options !== undefined) return options;
    say(USAGE);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}\n`);
    return EXIT_USAGE;
  }
}

async function soak(
  { minutes, every, seed }: SoakOptions,
  fleet: Fleet,
  checker: Checker,
  progress: Progress,
  ending: AbortSignal,
): Promise<void> {
  const random = new SeededRandom(seed);
  const chance = random.fork();
  const workload = startWorkload(fleet, checker, random.fork());
  say(`warming up for ${WARM_UP_MS / 1_000} s; a line follows after each fault`);
  await rest(WARM_UP_MS, ending);
  progress.start();
  const begin = performance.now();
  for (const fault of shuffled(FAULTS, random.fork())) {
    const next = performance.now() + every * 1_000;
    if (ending.aborted || next - begin > minutes * 60_000 + every * 500) break;
    await injectFault(fault, { fleet, checker, random: chance });
    progress.tell(fault.name);
    await rest(next - performance.now(), ending);
  }
  say('comparing every cached value with the database');
  await workload.stop();
  await checkConvergence(fleet, checker);
}

/** Lets so much time pass; a signal cuts it short. */
async function rest(ms: number, ending: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  const timer = setTimeout(end, Math.max(ms, 0));
  ending.addEventListener('abort', end, { once: true });
  if (!ending.aborted) await ended.promise;
  clearTimeout(timer);
  ending.removeEventListener('abort', end);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main(process.argv.slice(2));
