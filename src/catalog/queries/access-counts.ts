import { cancellable } from '../../adapters/postgres/index.ts';
import { bigints, type Queryable } from '../sql.ts';

/** The reads of a row since the last report. */
export type RowCount = readonly [id: number, reads: number];

/**
 * Adds to the access counts of rows. Counting must make no other statement wait or fail. Rows that another transaction
 * is changing are left out, so that this statement never waits for a lock while it holds others. Rows that are gone are
 * forgotten.
 * @returns the ids of the rows that were left out.
 */
export async function addAccessCounts(
  sql: Queryable,
  { table, column }: { readonly table: string; readonly column: string },
  counts: readonly RowCount[],
  signal?: AbortSignal,
): Promise<number[]> {
  const ids = bigints(
    sql,
    counts.map(([id]) => id),
  );
  const reads = bigints(
    sql,
    counts.map(([, count]) => count),
  );
  const left = await cancellable(
    sql<{ id: number }[]>`
      with free as (
        select id from ${sql(table)} where id = any (${ids}) order by id for no key update skip locked
      ), counted as (
        update ${sql(table)} counted set ${sql(column)} = counted.${sql(column)} + read.reads
        from free join unnest(${ids}, ${reads}) read (id, reads) using (id)
        where counted.id = free.id
      )
      select id from ${sql(table)} where id = any (${ids}) and id not in (select id from free)`,
    signal,
  );
  return left.map(({ id }) => id);
}
