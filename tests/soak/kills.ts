import { parseArgs } from 'node:util';
import { printFigures } from '../integration/support/measure.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { endOf } from './fleet.ts';
import { KILL_POINTS } from './kill-points.ts';
import { killMany } from './kill-run.ts';
import { startRelayFleet } from './relay-fleet.ts';

const USAGE = `Usage: bun tests/soak/kills.ts [options]

Kills services (SIGKILL) at exact points between a commit and the invalidation that follows from it, and checks
what those who live on serve afterwards. Ends with 0 if nothing was too old, else with 1.

  --kills <number>   in all (100)
  --lanes <number>   side by side (4)
  --help             this text`;

async function main(args: string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: { kills: text, lanes: text, help: { type: 'boolean' } } as const,
    strict: true,
  });
  if (values.help) return say(USAGE);
  await using owner = new AsyncDisposableStack();
  const postgres = owner.use(await startPostgres());
  const fleet = await startRelayFleet(owner, { postgres: postgres.url });
  const results = await killMany(fleet, Number(values.kills ?? 100), Number(values.lanes ?? 4));
  for (const point of KILL_POINTS) {
    const here = results.filter((result) => result.point === point);
    const delays = here.map(({ knownAfterMs }) => knownAfterMs);
    if (delays.length > 0) printFigures(`${point}: from the commit to its news`, delays);
  }
  const tooOld = results.reduce((sum, result) => sum + result.tooOld, 0);
  const reads = results.reduce((sum, result) => sum + result.reads, 0);
  say(`${results.length} kills, ${reads} reads, ${tooOld} of them too old`);
  const complaints = (await Promise.all(fleet.members.map(endOf))).flat();
  for (const complaint of complaints) say(complaint);
  return tooOld + complaints.length === 0 ? 0 : 1;
}

function say(line: string): 0 {
  process.stdout.write(`${line}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
