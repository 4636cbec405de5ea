import { parseArgs } from 'node:util';
import { run } from './workload.ts';

const HELP = `bun run simulate [--seeds N] [--from SEED] [--seed SEED]

Runs random histories of a simulated fleet and checks the invariants of docs/consistency.md.
  --seeds N     how many seeds, default 1000
  --from SEED   the first, default 1
  --seed SEED   one seed alone, with its whole trace
  --help        this text`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(HELP);
else if (values.seed !== undefined) replay(wholeNumber('seed', values.seed));
else simulate(wholeNumber('from', values.from), wholeNumber('seeds', values.seeds));

function replay(seed: number): void {
  const { trace, violations, operations } = run({ seed });
  for (const line of trace) console.log(line);
  for (const { invariant, message } of violations) console.log(`${invariant}: ${message}`);
  console.log(`seed ${seed}: ${operations} operations, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}

function simulate(from: number, seeds: number): void {
  let operations = 0;
  let failed = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = run({ seed });
    operations += result.operations;
    const [first] = result.violations;
    if (first !== undefined) {
      failed += 1;
      console.log(`seed ${seed}: ${first.invariant}: ${first.message}`);
    }
    if ((seed - from + 1) % 1_000 === 0)
      console.log(`${seed - from + 1} seeds, ${operations} operations, ${failed} failed`);
  }
  console.log(`${seeds} seeds, ${operations} operations, ${failed} seeds with a violation`);
  if (failed > 0) process.exitCode = 1;
}

function wholeNumber(option: string, given: string): number {
  const number = Number(given);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`--${option} must be a whole number above 0; got ${JSON.stringify(given)}`);
  process.exit(64);
}
