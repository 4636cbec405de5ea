import { cancellable } from '../../adapters/postgres/index.ts';
import type { Queryable } from '../sql.ts';

/** Limits one query of the warm-up. */
interface Extent {
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** A row and the org that it belongs to. */
export interface OwnedRow {
  readonly orgId: number;
  readonly id: number;
}

/** Reads the ids of the oldest orgs. */
export async function orgIds(sql: Queryable, { limit, signal }: Extent): Promise<number[]> {
  const rows = await cancellable(sql<{ id: number }[]>`select id from orgs order by id limit ${limit}`, signal);
  return rows.map(({ id }) => id);
}

/**
 * Reads the rows that each org reads most, up to `perOrg` of each. It lists the first row of every org, then the second
 * of every org. A limit on all of them therefore shortens the end of every org's list.
 */
export async function mostAccessed(
  sql: Queryable,
  table: 'products' | 'boms',
  perOrg: number,
  { limit, signal }: Extent,
): Promise<OwnedRow[]> {
  // The query asks org by org: the table's own index finds the rows, and only the best are kept. An index by
  // access_count would be quicker here, but every write of a count would pay for it.
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
