import { transaction } from '../adapters/postgres/index.ts';
import { type Sql, sqlState, type Transaction } from './sql.ts';

/** Rows of one org in `org_departures` that are not worth adding up yet. */
const FEW = 50;

/** Somebody else refreshes, in this way or by hand. */
const BUSY: ReadonlySet<string | undefined> = new Set(['55P03', '40001']);

/**
 * Brings the materialized dashboards up to date, and notes which transactions they have seen. Readers do not wait for it.
 *
 * The rows and the note are of one snapshot: under repeatable read, REFRESH sees what `pg_current_snapshot()` tells. LOCK
 * TABLE takes no snapshot, so the one that is taken after it has seen the refresh before this one, and the two never collide.
 * An advisory lock would not do: the statement that asks for it has its snapshot already when it gets the answer.
 * @returns `false` when somebody else is doing it, who may have begun before what the caller has in mind.
 */
export async function refreshDashboards(sql: Sql): Promise<boolean> {
  try {
    const refresh = async (tx: Transaction): Promise<void> => {
      await tx`lock table org_dashboards_refresh in exclusive mode nowait`;
      await addUpDepartures(tx);
      await refreshView(tx);
      // As of the beginning: what was committed in the meantime is missing.
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

/** Only ever one does this at a time, and nobody else changes these rows: the sums stay as they are for everybody. */
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

/** A view that is not filled, as in a database restored without its rows, cannot be read meanwhile; it cannot be read at all. */
async function refreshView(tx: Transaction): Promise<void> {
  const [view] = await tx<{ filled: boolean }[]>`
    select relispopulated as filled from pg_class where oid = 'org_dashboards'::regclass`;
  if (view?.filled === true) await tx`refresh materialized view concurrently org_dashboards`;
  else await tx`refresh materialized view org_dashboards`;
}
