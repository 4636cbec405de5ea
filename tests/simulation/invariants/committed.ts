import type { ReadRecord } from '../history.ts';
import type { Source } from '../source.ts';
import { describeRead, type Violation } from './violation.ts';

/** I5: only what was committed by then, and of the key that was asked for, in its namespace. */
export function checkCommitted(reads: readonly ReadRecord[], source: Source): Violation[] {
  return reads.flatMap((read) => {
    const { key, row, version, end } = read;
    if (row === undefined) return [];
    if (row.key !== key)
      return [{ invariant: 'I5', at: end, message: `${describeRead(read)}, which is of ${row.key}` }];
    const committedAt = source.committedAt(key, version);
    if (committedAt !== undefined && committedAt <= end) return [];
    return [{ invariant: 'I5', at: end, message: `${describeRead(read)}, which was never committed` }];
  });
}
