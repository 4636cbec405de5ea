import { aimsTable, type Result, rowsTable } from './report.ts';

/** Writes all results as one Markdown document. */
export function summaryOf(results: readonly Result[]): string {
  const parts = results.map(partOf);
  return `${[
    '# Results',
    'Written by `bun run bench`; how to read them is in [bench/README.md](../README.md).',
    ...(results.some(({ quick }) => quick) ? ['Of a short run: these figures say little but that it runs.'] : []),
    '## Aims',
    aimsTable(aimsOf(results)),
    ...parts,
  ].join('\n\n')}\n`;
}

/** Lists the aims and measurements of all results. */
export const aimsOf = (results: readonly Result[]) => results.flatMap(({ aims }) => aims);

function partOf({ name, date, seconds, machine, versions, rows }: Result): string {
  const on = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}`;
  const software = Object.entries(versions).map((pair) => pair.join(' '));
  return [`## ${name}`, `${date}, ${seconds} s, on ${on}; ${software.join(', ')}`, rowsTable(rows)].join('\n\n');
}
