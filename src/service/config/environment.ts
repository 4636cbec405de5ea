import { duration, type Reading } from './readers.ts';
import { ttlVariable, VARIABLES, type Values, type Variable, type VariableName } from './variables.ts';

/** Names and texts, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Gives the text of a file, or throws. */
export type ReadFile = (path: string) => string;

/** What the environment says, variable by variable; how variables fit together is judged elsewhere. */
export interface EnvironmentReading {
  /** Not to be trusted while there are problems. */
  readonly values: Values;
  /** Milliseconds for each group whose `CACHE_TTL_<GROUP>` is given. */
  readonly ttls: Readonly<Record<string, number>>;
  /** Whether a variable is given at all, rightly or wrongly. */
  isGiven(name: VariableName): boolean;
  readonly problems: readonly string[];
}

const NAMES = Object.keys(VARIABLES) as VariableName[];

/** Reads all variables. An empty text counts as not given: that is what `${NAME:-}` of a compose file leaves. */
export function readEnvironment(env: Environment, groups: readonly string[], readFile: ReadFile): EnvironmentReading {
  const problems: string[] = [];
  const report = (problem: string) => problems.push(problem);
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of NAMES) {
    const variable: Variable = VARIABLES[name];
    const text = textOf(name, variable, env, readFile, report);
    const asked = text ?? variable.default;
    if (asked !== undefined) values[name] = judge(name, asked, variable.read(asked), variable.secret, report);
  }
  return {
    values: values as Values,
    ttls: readTtls(env, groups, report),
    isGiven: (name) => Boolean(env[name] || (isSecret(name) && env[`${name}_FILE`])),
    problems,
  };
}

type Report = (problem: string) => void;

function isSecret(name: VariableName): boolean {
  const variable: Variable = VARIABLES[name];
  return variable.secret === true;
}

function textOf(
  name: string,
  variable: Variable,
  env: Environment,
  readFile: ReadFile,
  report: Report,
): string | undefined {
  const text = env[name] || undefined;
  const path = variable.secret ? env[`${name}_FILE`] || undefined : undefined;
  if (path === undefined) return text;
  if (text !== undefined) {
    report(`${name} and ${name}_FILE are both given; only one of them can count`);
    return text;
  }
  try {
    const content = readFile(path).trim();
    if (content === '') report(`${name}_FILE=${JSON.stringify(path)} names an empty file`);
    return content || undefined;
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    report(`${name}_FILE=${JSON.stringify(path)} cannot be read (${reason})`);
    return undefined;
  }
}

function judge<T>(
  name: string,
  text: string,
  read: Reading<T>,
  secret: true | undefined,
  report: Report,
): T | undefined {
  if ('value' in read) return read.value;
  report(
    secret
      ? `${name} (not shown) must be ${read.expected}`
      : `${name}=${JSON.stringify(text)} must be ${read.expected}`,
  );
  return undefined;
}

function readTtls(env: Environment, groups: readonly string[], report: Report): Readonly<Record<string, number>> {
  const byName = new Map(groups.map((group) => [ttlVariable(group), group]));
  const ttls: Record<string, number> = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('CACHE_TTL_') || !text) continue;
    const group = byName.get(name);
    if (group === undefined) {
      report(`${name} is the TTL of no group; known are ${[...byName.keys()].join(', ') || 'none'}`);
      continue;
    }
    const ttl = judge(name, text, duration(text), undefined, report);
    if (ttl !== undefined) ttls[group] = ttl;
  }
  return ttls;
}
