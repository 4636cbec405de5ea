import { parseArgs } from 'node:util';
import { startPostgres } from '../support/postgres-server.ts';
import { endOf } from './fleet.ts';
import { describeOutage, OUTAGES, type OutageName, runOutage } from './outages.ts';
import { startRelayFleet } from './relay-fleet.ts';

const USAGE = `Usage: bun tests/soak/outage.ts [options]

Takes Redis away from two services in each of the ways that the tests know, lets clients read and write
meanwhile, brings it back, and checks every read. Ends with 0 if none was too old, else with 1.

  --seconds <number>   how long Redis is away (60)
  --writes <number>    while it is (1000)
  --seed <number>      chooses what is read and written (random; it is printed)
  --help               this text`;

async function main(args: string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const options = { seconds: text, writes: text, seed: text, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args, options, strict: true });
  if (values.help) return say(USAGE);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
  const plan = { awayMs: Number(values.seconds ?? 60) * 1_000, writes: Number(values.writes ?? 1_000), seed };
  say(`seed ${seed}: ${plan.writes} writes while Redis is away for ${plan.awayMs / 1_000} s`);
  let failures = 0;
  for (const name of Object.keys(OUTAGES) as OutageName[]) {
    await using owner = new AsyncDisposableStack();
    const postgres = owner.use(await startPostgres());
    const fleet = await startRelayFleet(owner, { postgres: postgres.url });
    const report = await runOutage(fleet, name, plan);
    const complaints = [...report.ages.violations, ...(await Promise.all(fleet.members.map(endOf))).flat()];
    failures += complaints.length + (report.warm > 0 ? 0 : 1);
    say(`Redis ${name}: ${describeOutage(report)}, ${report.ages.violations.length} violations`);
    for (const complaint of complaints) say(`  ${complaint}`);
  }
  return failures === 0 ? 0 : 1;
}

function say(line: string): 0 {
  process.stdout.write(`${line}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
