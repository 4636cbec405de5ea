/**
 * What was aimed at and what the latest results say: `bun bench/aims.ts [--quick]`. Ends with 1 where one was not met.
 */
import { aimsTable, readResults } from './support/report.ts';
import { aimsOf } from './support/summary.ts';

const aims = aimsOf(readResults());
process.stdout.write(`${aimsTable(aims)}\n`);
process.exitCode = aims.every(({ met }) => met) ? 0 : 1;
