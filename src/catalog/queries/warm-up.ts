import { cancellable } from '../../adapters/postgres/index.ts';
import type { Queryable } from '../sql.ts';

/** How much to ask for. */
interface Extent {
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** A row and the org that it belongs to. */
export interface OwnedRow {
  readonly orgId: number;
  readonly id: number;
}

/** The orgs that were there first. */
export async function orgIds(sql: Queryable, { limit, signal }: Extent): Promise<number[]> {
  const rows = await cancellable(sql<{ id: number }[]>`select id from orgs order by id limit ${limit}`, signal);
  return rows.map(({ id }) => id);
}

/**
 * What each org reads most, up to so many rows of each: first the favourite of every org, then the second of every org, so
 * that a limit on all together takes from everybody's end.
 */
export async function mostAccessed(
  sql: Queryable,
  table: 'products' | 'boms',
  perOrg: number,
  { limit, signal }: Extent,
): Promise<OwnedRow[]> {
  // Asked org by org, the table's own index finds the rows, and no more of them are kept than the best. An index by
  // access_count would be quicker here and would cost every write of a count.
  const rows = await cancellable(
    sql<OwnedRow[]>`
      select org_id as "orgId", id from (
        select orgs.id as org_id, best.id, access_count,
               row_number() over (partition by orgs.id order by access_count desc, best.id) as rank
        from orgs cross join lateral (
          select id, access_count from ${sql(table)} where org_id = orgs.id order by access_count desc, id limit ${perOrg}
        ) best
      ) ranked
      order by rank, access_count desc, id limit ${limit}`,
    signal,
  );
  return [...rows];
}
