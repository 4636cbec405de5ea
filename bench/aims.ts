/** Prints the aims and the latest results: `bun bench/aims.ts [--quick]`. It exits with 1 if an aim was not met. */
import { aimsTable, readResults } from './support/report.ts';
import { aimsOf } from './support/summary.ts';

const aims = aimsOf(readResults());
process.stdout.write(`${aimsTable(aims)}\n`);
process.exitCode = aims.every(({ met }) => met) ? 0 : 1;
