import { type ReadRecord, storedName, type WriteRecord } from '../history.ts';
import { describeRead, type Violation } from './violation.ts';

/**
 * I6: of two unflagged reads here that do not overlap, the later is no older; excepted until the newer write's
 * invalidation has reached this instance, for which it has D, where the newer value came from the source and was not
 * stored in L2 when it was seen.
 * @param stored When L2 took each version; see `History.stored`.
 */
export function checkOrder(
  reads: readonly ReadRecord[],
  writes: readonly WriteRecord[],
  stored: ReadonlyMap<string, number>,
  maxLagMs: number,
): Violation[] {
  const written = new Map(writes.map((write) => [`${write.key} ${write.version}`, write]));
  const unflagged = reads.filter(({ flagged }) => !flagged);
  return [...Map.groupBy(unflagged, ({ instance, key }) => `${instance} ${key}`).values()].flatMap((group) =>
    checkOne(group, written, stored, maxLagMs),
  );
}

function checkOne(
  reads: readonly ReadRecord[],
  written: ReadonlyMap<string, WriteRecord>,
  stored: ReadonlyMap<string, number>,
  maxLagMs: number,
): Violation[] {
  const found: Violation[] = [];
  const byEnd = [...reads].sort((one, other) => one.end - other.end);
  const byStart = [...reads].sort((one, other) => one.start - other.start);
  let newest: ReadRecord | undefined;
  let ended = 0;
  for (const read of byStart) {
    for (let next = byEnd[ended]; next !== undefined && next.end < read.start; next = byEnd[ended]) {
      ended += 1;
      if (newest === undefined || next.version > newest.version) newest = next;
    }
    if (newest === undefined || newest.version <= read.version) continue;
    const write = written.get(`${newest.key} ${newest.version}`);
    const isUndelivered = write?.deliveredAt === undefined || write.deliveredAt + maxLagMs > read.start;
    const wasStoredAt = stored.get(storedName(newest.key, newest.version)) ?? Infinity;
    if (isUndelivered && wasStoredAt > newest.end) continue;
    found.push({ invariant: 'I6', at: read.end, message: `${describeRead(read)} after ${describeRead(newest)}` });
  }
  return found;
}
