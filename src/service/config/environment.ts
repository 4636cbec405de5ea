import { duration, type Reading } from './readers.ts';
import { withoutSecrets } from './secrets.ts';
import { ttlVariable, VARIABLES, type Values, type Variable, type VariableName } from './variables.ts';

/** The names and texts of variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the text of a file, or throws. */
export type ReadFile = (path: string) => string;

/** The values of some variables as the environment gives them. `load-config.ts` judges how they fit together. */
export interface EnvironmentReading<N extends VariableName> {
  /** The values. Callers must not use them while there are problems. */
  readonly values: Pick<Values, N>;
  readonly problems: readonly string[];
  /** True when the environment gives the variable, with a valid value or not. */
  isGiven(name: N): boolean;
}

/** Reads the named variables. An empty text counts as not given, because `${NAME:-}` of a compose file leaves one. */
export function readVariables<N extends VariableName>(
  env: Environment,
  names: readonly N[],
  readFile: ReadFile,
): EnvironmentReading<N> {
  const problems: string[] = [];
  const report = (problem: string) => problems.push(problem);
  const given = new Set<N>();
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of names) {
    const variable: Variable = VARIABLES[name];
    if (env[name] || pathOf(name, variable, env)) given.add(name);
    const text = textOf(name, variable, env, readFile, report) ?? variable.default;
    if (text !== undefined) values[name] = judge(name, text, variable.read(text), variable.secret, report);
  }
  return { values: values as Pick<Values, N>, problems, isGiven: (name) => given.has(name) };
}

/** Reads each given `CACHE_TTL_<GROUP>` as milliseconds by group. A variable that belongs to no group is a problem. */
export function readTtls(
  env: Environment,
  groups: readonly string[],
): { readonly ttls: Readonly<Record<string, number>>; readonly problems: readonly string[] } {
  const byName = new Map(groups.map((group) => [ttlVariable(group), group]));
  const problems: string[] = [];
  const ttls: Record<string, number> = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('CACHE_TTL_') || !text) continue;
    const group = byName.get(name);
    if (group === undefined) {
      problems.push(`${name} is the TTL of no group; known are ${[...byName.keys()].join(', ') || 'none'}`);
      continue;
    }
    const ttl = judge(name, text, duration(text), undefined, (problem) => problems.push(problem));
    if (ttl !== undefined) ttls[group] = ttl;
  }
  return { ttls, problems };
}

type Report = (problem: string) => void;

/** Returns the file that holds a secret, if the environment names one. */
function pathOf(name: string, variable: Variable, env: Environment): string | undefined {
  return variable.secret ? env[`${name}_FILE`] || undefined : undefined;
}

function textOf(
  name: string,
  variable: Variable,
  env: Environment,
  readFile: ReadFile,
  report: Report,
): string | undefined {
  const text = env[name] || undefined;
  const path = pathOf(name, variable, env);
  if (path === undefined) return text;
  if (text !== undefined) {
    report(`${name} and ${name}_FILE are both given; only one of them can count`);
    return text;
  }
  try {
    const content = readFile(path).trim();
    if (content === '') report(`${shownPath(name, path)} names an empty file`);
    return content || undefined;
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'not a file that can be read';
    report(`${shownPath(name, path)} cannot be read (${reason})`);
    return undefined;
  }
}

/**
 * Returns the path for a message. It hides a text that is not a path: an operator may have given the secret itself under the
 * wrong name.
 */
function shownPath(name: string, path: string): string {
  return /^\.{0,2}\/[\w./-]{1,200}$/.test(path) ? `${name}_FILE=${JSON.stringify(path)}` : `${name}_FILE (not shown)`;
}

/** A message shows at most this many characters of a variable's text. */
const MAX_SHOWN = 200;

/**
 * Returns a variable's text for a message. It removes secrets, because an operator may have set the wrong variable, to a URL
 * with a password for example.
 */
function shown(text: string): string {
  return JSON.stringify(withoutSecrets(text).slice(0, MAX_SHOWN));
}

function judge<T>(
  name: string,
  text: string,
  read: Reading<T>,
  secret: true | undefined,
  report: Report,
): T | undefined {
  if ('value' in read) return read.value;
  report(secret ? `${name} (not shown) must be ${read.expected}` : `${name}=${shown(text)} must be ${read.expected}`);
  return undefined;
}
