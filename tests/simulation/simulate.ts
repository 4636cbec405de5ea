import { parseArgs } from 'node:util';
import { planOf } from './plan-of.ts';
import { report } from './report.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';
import { WEAKENINGS } from './weakenings/index.ts';
import type { Weakened } from './weakenings/weakening.ts';

const HELP = `bun run simulate [--seeds N] [--from SEED] [--seed SEED [--shrink]] [--weakening NAME] [--worlds N]

Runs random histories of a simulated fleet and checks the invariants of docs/consistency.md.
  --seeds N         how many seeds, default 1000
  --from SEED       the first, default 1
  --seed SEED       one seed alone, with its whole trace
  --shrink          as few steps of it as still break the same invariant; without --seed, of the first that fails
  --weakening NAME  with one rule of the protocol taken away, in the world that is made for it
  --worlds N        then N seeds of each world that is made for a weakening, with every rule in force
  --help            this text`;

/** Milliseconds between two lines that tell how far a long run is. */
const TELL_EVERY_MS = 5_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    weakening: { type: 'string' },
    worlds: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const { mix, weakening } = weakened(values.weakening);
const options = weakening === undefined ? {} : { weakening };

if (values.help) console.log(HELP);
else if (values.seed !== undefined) replay(wholeNumber('seed', values.seed));
else {
  simulate(wholeNumber('from', values.from), wholeNumber('seeds', values.seeds));
  if (values.worlds !== undefined) simulateWorlds(wholeNumber('worlds', values.worlds));
}

function replay(seed: number): void {
  const plan = planOf(seed, mix);
  const hasFailed = run(seed, mix, options).violations.length > 0;
  for (const line of report(values.shrink && hasFailed ? shrink(plan, options) : plan, options)) console.log(line);
  if (hasFailed) process.exitCode = 1;
}

function simulate(from: number, seeds: number): void {
  const began = performance.now();
  let toldAt = began;
  let operations = 0;
  let failed = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = run(seed, mix, options);
    operations += result.operations;
    const [first] = result.violations;
    if (first !== undefined) {
      failed += 1;
      console.log(`seed ${seed}: ${first.invariant}: ${first.message}`);
      if (values.shrink) {
        replay(seed);
        return;
      }
    }
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) continue;
    toldAt = now;
    const done = seed - from + 1;
    const leftS = Math.round(((now - began) / done) * (seeds - done) * 0.001);
    console.error(`${done} of ${seeds} seeds, ${operations} operations, ${failed} failed, about ${leftS} s left`);
  }
  console.log(`${seeds} seeds, ${operations} operations, ${failed} seeds with a violation`);
  if (failed > 0) process.exitCode = 1;
}

function simulateWorlds(seeds: number): void {
  const worlds = Object.entries(WEAKENINGS).filter(([, one]) => one.mix !== undefined);
  let operations = 0;
  let failed = 0;
  for (const [index, [name, world]] of worlds.entries()) {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const result = run(seed, world.mix);
      operations += result.operations;
      const [first] = result.violations;
      if (first === undefined) continue;
      failed += 1;
      console.log(`the world of "${name}", seed ${seed}: ${first.invariant}: ${first.message}`);
    }
    if ((index + 1) % 10 === 0) console.log(`${index + 1} of ${worlds.length} worlds, ${failed} failed`);
  }
  console.log(`${worlds.length} worlds, ${operations} operations, ${failed} seeds with a violation`);
  if (failed > 0) process.exitCode = 1;
}

function weakened(name: string | undefined): Partial<Weakened> {
  if (name === undefined) return {};
  const found = WEAKENINGS[name];
  if (found !== undefined) return found;
  console.error(`--weakening must be one of:\n${Object.keys(WEAKENINGS).join('\n')}`);
  process.exit(64);
}

function wholeNumber(option: string, given: string): number {
  const number = Number(given);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`--${option} must be a whole number above 0; got ${JSON.stringify(given)}`);
  process.exit(64);
}
