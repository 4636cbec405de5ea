import type { Checker } from '../../soak/checker.ts';

/** Says on how much a clean result rests. */
export function printSoak(what: string, checker: Checker): void {
  const { readCount, reads, writes, pendingWrites, maxStalenessMs } = checker;
  process.stdout.write(
    `[checked] ${what}: ${readCount} reads (l1 ${reads.l1}, l2 ${reads.l2}, source ${reads.source}), ` +
      `${writes} writes (${pendingWrites} while Redis could not be told), stale for ${Math.round(maxStalenessMs)} ms at most\n`,
  );
}
