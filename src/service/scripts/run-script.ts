import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { openDatabase } from '../../catalog/database.ts';
import { type Sql, sqlState } from '../../catalog/sql.ts';
import { ConfigError, EXIT_BAD_CONFIG, loadDatabaseUrl, processEnvironment } from '../config/load-config.ts';
import { withoutSecrets } from '../config/secrets.ts';

/** A command for operators that works on the database of `DATABASE_URL`. */
export interface Script<O extends ParseArgsOptionsConfig> {
  /** The text that `--help` prints. */
  readonly usage: string;
  readonly options: O;
  /** True when words beside the options are allowed. */
  readonly allowPositionals?: boolean;
  run(sql: Sql, given: Arguments<O>): Promise<void>;
}

/** The command line after parsing. */
export interface Arguments<O extends ParseArgsOptionsConfig> {
  readonly values: ReturnType<typeof parseArgs<{ options: O; strict: true }>>['values'];
  readonly positionals: readonly string[];
}

/** The command line is wrong. The script prints the usage with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** `EX_USAGE` of sysexits.h. */
const EXIT_USAGE = 64;

/**
 * Parses the command line, opens the database, runs the script and closes the database again. The script prints its result
 * on stdout and everything else on stderr. Exit codes: 0, 1 (it failed), 64 (command line), 78 (configuration).
 */
export async function runScript<const O extends ParseArgsOptionsConfig>(script: Script<O>): Promise<void> {
  try {
    const given = parse(script);
    if (given === undefined) console.log(script.usage);
    else await runOnDatabase(script, given);
  } catch (error) {
    console.error(messageOf(error));
    if (error instanceof UsageError) console.error(`\n${script.usage}`);
    process.exitCode = exitCodeOf(error);
  }
}

/** Parses the command line; `undefined` when the operator asked for help. */
function parse<O extends ParseArgsOptionsConfig>({
  options,
  allowPositionals = false,
}: Script<O>): Arguments<O> | undefined {
  if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) return undefined;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals, strict: true });
    return { values, positionals };
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

async function runOnDatabase<O extends ParseArgsOptionsConfig>(script: Script<O>, given: Arguments<O>): Promise<void> {
  const url = loadDatabaseUrl(processEnvironment());
  const database = await openDatabase({ url, pool: 1, applicationName: 'tiercel-script' });
  try {
    await script.run(database.sql, given);
  } finally {
    await database.close();
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_BAD_CONFIG;
  return error instanceof UsageError ? EXIT_USAGE : 1;
}

const UNDEFINED_TABLE = '42P01';

function messageOf(error: unknown): string {
  if (sqlState(error) === UNDEFINED_TABLE) return 'The database has not been set up: run `bun run db:migrate` first.';
  if (!(error instanceof Error)) return withoutSecrets(String(error));
  // A host name with several addresses fails with one error for each. The error around them has no message of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('\n');
  return withoutSecrets(error.message);
}
