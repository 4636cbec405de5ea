import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Machine, machine, versions } from './machine.ts';
import { inFigures, table } from './markdown.ts';

export { median, percentile } from '../../tests/integration/support/measure.ts';
export { type Figures, interleave, type Ratio, type Rounds, type Subject } from './interleave.ts';
export { inFigures, table } from './markdown.ts';

/** One figure of a benchmark. */
export interface Row {
  /** The contender of the figure: `tiercel`, `bentocache (serialize: false)`. */
  readonly subject: string;
  /** The circumstances: `97 B, three tags`. */
  readonly case: string;
  /** A median, unless the case or the unit says otherwise. */
  readonly figure: number;
  /** `ns`, `ms`, `k/s`, `B`, `loads` … */
  readonly unit: string;
  /** The median, over the rounds, of this figure divided by that of `to` in the same round. */
  readonly ratio?: number;
  /** The least and the greatest of those ratios. */
  readonly spread?: readonly [least: number, most: number];
  /** The subject that `ratio` compares with, in the same case unless it names another one. */
  readonly to?: string;
}

/** An aim, and its measurement. */
export interface AimRow {
  /** `L1 hit, three tags, 97 B, × awaited lru-cache`. */
  readonly what: string;
  /** `≤ 2.2 ×`. */
  readonly aim: string;
  /** In the unit of the aim. */
  readonly measured: string;
  readonly met: boolean;
}

/** The result of a benchmark. */
export interface Result {
  /** The name of the benchmark, and of its file in `bench/results/`. */
  readonly name: string;
  /** The moment at which it ended, ISO 8601. */
  readonly date: string;
  /** True for a short run, whose figures show only that the benchmark runs. */
  readonly quick: boolean;
  /** The duration of the benchmark. */
  readonly seconds: number;
  readonly machine: Machine;
  /** The versions by name. `tiercel` is the commit. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  readonly aims: readonly AimRow[];
}

const RESULTS = join(import.meta.dir, '../results');

/** Tells if this process was asked for a short run. */
export const isQuick = (): boolean => process.argv.includes('--quick');

/** Keeps the figures of short runs in a folder of their own, so that they do not replace those of whole runs. */
export const resultsFolder = (quick: boolean = isQuick()): string => (quick ? join(RESULTS, 'quick') : RESULTS);

/** Reports progress on standard error. Standard output is for the tables. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Makes an aim whose figure may be at most the bound. */
export const atMost = (what: string, bound: number, measured: number, unit: string): AimRow => ({
  what,
  aim: `≤ ${bound}${unitOf(unit)}`,
  measured: `${inFigures(measured)}${unitOf(unit)}`,
  met: measured <= bound,
});

/** Makes an aim whose figure must be at least the bound. */
export const atLeast = (what: string, bound: number, measured: number, unit: string): AimRow => ({
  what,
  aim: `≥ ${bound}${unitOf(unit)}`,
  measured: `${inFigures(measured)}${unitOf(unit)}`,
  met: measured >= bound,
});

const unitOf = (unit: string): string => (unit === '' ? '' : ` ${unit}`);

/** Rows as a table in Markdown. */
export function rowsTable(rows: readonly Row[]): string {
  const cells = rows.map(({ case: circumstances, subject, figure, unit, ratio, spread, to }) => [
    circumstances,
    subject,
    `${inFigures(figure)}${unitOf(unit)}`,
    ratio === undefined ? '' : `${inFigures(ratio)} ×`,
    spread === undefined ? '' : spread.map(inFigures).join('–'),
    to ?? '',
  ]);
  return table(['case', 'subject', 'figure', 'ratio', 'spread', 'to'], cells, ['case', 'subject', 'to']);
}

/** Aims as a table in Markdown. */
export function aimsTable(aims: readonly AimRow[]): string {
  const cells = aims.map(({ what, aim, measured, met }) => [what, aim, measured, met ? 'yes' : 'NO']);
  return table(['what', 'aim', 'measured', 'met'], cells, ['what', 'aim', 'measured', 'met']);
}

/** Groups rows by case, in the order of the cases' first rows. */
function byCase(rows: readonly Row[]): Row[] {
  return [...Map.groupBy(rows, (row) => row.case).values()].flat();
}

/** Writes what a benchmark has measured to `bench/results/<name>.json` and prints its tables. */
export function report(name: string, { rows, aims = [] }: { rows: readonly Row[]; aims?: readonly AimRow[] }): void {
  const result: Result = {
    name,
    date: new Date().toISOString(),
    quick: isQuick(),
    seconds: Math.round(performance.now() / 100) / 10,
    machine: machine(),
    versions: versions(),
    rows: byCase(rows),
    aims,
  };
  const file = join(resultsFolder(), `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  const tables = [rowsTable(result.rows), ...(aims.length > 0 ? [aimsTable(aims)] : [])];
  process.stdout.write(`\n## ${name}\n\n${tables.join('\n\n')}\n`);
}

/** Every result in a folder of results, by name. */
export function readResults(folder: string = resultsFolder()): Result[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Result);
}
