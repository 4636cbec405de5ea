import { parseArgs } from 'node:util';

/** How long, how rough and on what the soak runs. */
export interface SoakOptions {
  readonly minutes: number;
  /** Seconds from the beginning of one fault to the beginning of the next. */
  readonly every: number;
  readonly seed: number;
  readonly instances: number;
}

export const USAGE = `Usage: bun run soak [options]

Runs a fleet of services on a Redis and a PostgreSQL of its own, lets clients read and write by all of
them, breaks something at random every few seconds, and checks every read against the invariants of
docs/consistency.md. Ends with 0 if none was violated, else with 1; with 64 if the options make no sense.

  --minutes <number>    how long faults go on (10)
  --every <seconds>     from one fault to the next (10)
  --instances <number>  of the service (3)
  --seed <number>       chooses faults and keys (random; it is printed)
  --help                this text`;

/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the command line; `undefined` when help was asked for.
 * @throws {@link UsageError}
 */
export function parseOptions(args: readonly string[]): SoakOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  return {
    minutes: number('minutes', values.minutes, 10, (value) => value > 0),
    every: number('every', values.every, 10, (value) => value >= 1),
    instances: number(
      'instances',
      values.instances,
      3,
      (value) => Number.isInteger(value) && value >= 2 && value <= 26,
    ),
    seed: number('seed', values.seed, Math.floor(Math.random() * 2 ** 32), Number.isSafeInteger),
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { minutes: text, every: text, instances: text, seed: text, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function number(
  name: string,
  given: string | undefined,
  otherwise: number,
  isValid: (value: number) => boolean,
): number {
  const value = given === undefined ? otherwise : Number(given);
  if (given === '' || !isValid(value)) throw new UsageError(`--${name} cannot be ${JSON.stringify(given)}`);
  return value;
}
