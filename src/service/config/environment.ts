import { duration, type Reading } from './readers.ts';
import { withoutSecrets } from './secrets.ts';
import { ttlVariable, VARIABLES, type Values, type Variable, type VariableName } from './variables.ts';

/** Names and texts, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Gives the text of a file, or throws. */
export type ReadFile = (path: string) => string;

/** What the environment says of some variables; how they fit together is judged elsewhere. */
export interface EnvironmentReading<N extends VariableName> {
  /** Not to be trusted while there are problems. */
  readonly values: Pick<Values, N>;
  readonly problems: readonly string[];
  /** Whether a variable is given at all, rightly or wrongly. */
  isGiven(name: N): boolean;
}

/** Reads the named variables. An empty text counts as not given: that is what `${NAME:-}` of a compose file leaves. */
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

/** Milliseconds by group for each `CACHE_TTL_<GROUP>` that is given; one that belongs to no group is a problem. */
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

/** The file that is to hold a secret. */
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

/** A text that is no path may be the secret itself, given under the wrong name. */
function shownPath(name: string, path: string): string {
  return /^\.{0,2}\/[\w./-]{1,200}$/.test(path) ? `${name}_FILE=${JSON.stringify(path)}` : `${name}_FILE (not shown)`;
}

/** Longest text of a variable that is shown, in characters. */
const MAX_SHOWN = 200;

/** A variable's text in a message. The text of another variable, a URL with a password, may have come to it by mistake. */
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
