import { transaction } from '../adapters/postgres/index.ts';
import { type Sql, sqlState, type Transaction } from './sql.ts';

/** An org with fewer rows than this in `org_departures` is not added up yet. */
const FEW = 50;

/** Another process refreshes, by this function or by hand. */
const BUSY: ReadonlySet<string | undefined> = new Set(['55P03', '40001']);

/**
 * Brings the materialized dashboards up to date, and notes which transactions they have seen. Readers do not wait for
 * it.
 *
 * The rows and the note are of one snapshot: under repeatable read, REFRESH sees what `pg_current_snapshot()` reports.
 * LOCK TABLE takes no snapshot. The snapshot that is taken after the lock has therefore seen the refresh before this
 * one, and two refreshes never collide. An advisory lock would not do: its statement has its snapshot before it gets
 * the lock.
 * @returns `false` when another process refreshes. That refresh may have begun before the change that the caller
 *   means.
 */
export async function refreshDashboards(sql: Sql): Promise<boolean> {
  try {
    const refresh = async (tx: Transaction): Promise<void> => {
      await tx`lock table org_dashboards_refresh in exclusive mode nowait`;
      await addUpDepartures(tx);
      await refreshView(tx);
      // The note is of the beginning of this transaction. Later commits are missing in the view.
      await tx`
        update org_dashboards_refresh
        set cluster = system_identifier, snapshot = pg_current_snapshot(), refreshed_at = now()
        from pg_control_system()`;
    };
    await transaction(sql, refresh, 'isolation level repeatable read');
    return true;
  } catch (error) {
    if (BUSY.has(sqlState(error))) return false;
    throw error;
  }
}

/**
 * Adds up the departures of each org. One process at a time does this and no other changes these rows, so readers
 * always see the same sums.
 */
async function addUpDepartures(tx: Transaction): Promise<void> {
  await tx`
    with counted as (
      select org_id, count(*) as rows, not exists (select from orgs where id = org_id) as is_gone
      from org_departures group by org_id
    ), taken as (
      delete from org_departures using counted
      where org_departures.org_id = counted.org_id and (rows > ${FEW} or is_gone)
      returning org_departures.*, is_gone
    )
    insert into org_departures select org_id, sum(versions) from taken where not is_gone group by org_id`;
}

/**
 * Refreshes the view. A view that is not filled, as in a database restored without its rows, cannot be refreshed
 * concurrently. No reader can read it anyway.
 */
async function refreshView(tx: Transaction): Promise<void> {
  const [view] = await tx<{ filled: boolean }[]>`
    select relispopulated as filled from pg_class where oid = 'org_dashboards'::regclass`;
  if (view?.filled === true) await tx`refresh materialized view concurrently org_dashboards`;
  else await tx`refresh materialized view org_dashboards`;
}
