import { cacheVersionOf, type History, type ReadRecord, storedName, type WriteRecord } from '../history.ts';
import { describeRead, type Violation } from './violation.ts';

/**
 * I6: of two unflagged reads here that do not overlap, the later is no older; excepted until the newer write's
 * invalidation has reached this instance, for which it has D, where the newer value came from the source and was not
 * stored in L2 when it was seen. Within D of an exchange of what L2 holds, it was not stored in what is read now; nor was it
 * when the server has come back since with what it had held before.
 * @param stored When L2 took each version; see `History.stored`.
 * @param versions Versions of the cache that run side by side: each finds in L2 what it has stored itself.
 */
export function checkOrder(
  reads: readonly ReadRecord[],
  writes: readonly WriteRecord[],
  { stored, exchanges, setbacks }: Pick<History, 'stored' | 'exchanges' | 'setbacks'>,
  maxLagMs: number,
  versions: number,
): Violation[] {
  const isExchanged = (read: ReadRecord): boolean =>
    !read.isInL2 && exchanges.some((at) => at <= read.end && at > read.end - maxLagMs);
  const written = new Map(writes.map((write) => [`${write.key} ${write.version}`, write]));
  const unflagged = reads.filter(({ flagged }) => !flagged);
  return [...Map.groupBy(unflagged, ({ instance, key }) => `${instance} ${key}`).values()].flatMap((group) =>
    checkOne(
      group,
      written,
      (read) => (isExchanged(read) ? Infinity : (stored.get(nameOf(read, versions)) ?? Infinity)),
      (newer, older) => setbacks.some((at) => at > newer.start && at <= older.end),
      maxLagMs,
    ),
  );
}

function checkOne(
  reads: readonly ReadRecord[],
  written: ReadonlyMap<string, WriteRecord>,
  storedAt: (read: ReadRecord) => number,
  isSetBack: (newer: ReadRecord, older: ReadRecord) => boolean,
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
    if (isUndelivered && (storedAt(newest) > newest.end || isSetBack(newest, read))) continue;
    found.push({ invariant: 'I6', at: read.end, message: `${describeRead(read)} after ${describeRead(newest)}` });
  }
  return found;
}

function nameOf({ key, version, instance }: ReadRecord, versions: number): string {
  return storedName(key, version, cacheVersionOf(instance, versions));
}
