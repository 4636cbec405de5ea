import { parseArgs } from 'node:util';
import { reportOf, rowOf, TABLE_HEAD } from '../faults/support/fault-report.ts';
import { runFault } from '../faults/support/fault-run.ts';
import { REDIS_FAULTS } from '../faults/support/redis-faults.ts';

const USAGE = `Usage: bun tests/soak/fault-table.ts [options]

Does to a Redis, or to the way to it, one after the other all that the tests know of, while a cache of this process
is asked for keys that nobody has asked for before. The loader takes 5 ms. Prints a table of what callers felt, as
Markdown; "once open" compares the median of a lookup with the loader alone, called at the same moments. Ends with
0 if there was no error and no wrong value, else with 1.

  --seconds <number>     how long each fault lasts (5)
  --per-second <number>  lookups (200)
  --only <text>          faults whose name contains it
  --help                 this text`;

async function main(args: string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const options = { seconds: text, 'per-second': text, only: text, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ args, options, strict: true });
  if (values.help) return say(USAGE);
  const plan = { ms: Number(values.seconds ?? 5) * 1_000, perSecond: Number(values['per-second'] ?? 200) };
  const faults = REDIS_FAULTS.filter(({ name }) => name.includes(values.only ?? ''));
  let failures = 0;
  process.on('unhandledRejection', (error) => {
    failures += 1;
    say(`unhandled: ${error}`);
  });
  say(TABLE_HEAD);
  const errors: string[] = [];
  for (const fault of faults) {
    const report = reportOf(await runFault(fault, plan));
    failures += report.errors.length + report.wrong;
    errors.push(...report.errors.slice(0, 3).map((error) => `${fault.name}: ${error}`));
    say(rowOf(report));
  }
  for (const error of errors) say(error);
  return failures === 0 ? 0 : 1;
}

function say(line: string): 0 {
  process.stdout.write(`${line}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
