import { cancellable } from '../../adapters/postgres/index.ts';
import { ROOT_TAG } from '../../core/model/key.ts';
import { keys, prefixes, tags } from '../names.ts';
import type { Dashboard } from '../rows.ts';
import { type Queryable, sqlState } from '../sql.ts';

/** The moment of the materialized dashboards, and their age. */
export interface DashboardsAge {
  /** `null` before the first refresh. */
  readonly refreshedAt: Date | null;
  /** Seconds by the database's clock, to the millisecond; `null` before the first refresh. */
  readonly ageSeconds: number | null;
}

interface Row extends Omit<Dashboard, 'freshness'> {
  readonly from: Dashboard['freshness']['from'];
  readonly refreshedAt: Date;
  readonly ageSeconds: number;
}

/** The view does not exist, or is not filled. */
const NO_VIEW: ReadonlySet<string | undefined> = new Set(['42P01', '55000']);

/**
 * Reads the dashboard of an org; `null` when there is no such org. The materialized view answers if it has seen every
 * change, else the tables do. Either way the numbers are of the moment of the query.
 */
export async function dashboardOf(sql: Queryable, orgId: number, signal?: AbortSignal): Promise<Dashboard | null> {
  try {
    return toDashboard(await cancellable(fromViewOrTables(sql, orgId), signal));
  } catch (error) {
    if (!NO_VIEW.has(sqlState(error))) throw error;
    return toDashboard(
      await cancellable(sql<Row[]>`select ${columns(sql)} from (${fromTables(sql, orgId)}) row`, signal),
    );
  }
}

/** Reads the moment of the last refresh of the materialized dashboards, by any process. */
export async function dashboardsAge(sql: Queryable, signal?: AbortSignal): Promise<DashboardsAge> {
  const [row] = await cancellable(
    sql<DashboardsAge[]>`
      select refreshed_at as "refreshedAt", ${ageSeconds(sql)} as "ageSeconds" from org_dashboards_refresh`,
    signal,
  );
  return row ?? { refreshedAt: null, ageSeconds: null };
}

/** Tells if the materialized dashboards are too old to be judged, or lack a change of some dashboard. */
export async function dashboardsAreStale(sql: Queryable): Promise<boolean> {
  const names = (column: 'keys' | 'tags', prefix: string) =>
    sql`exists (select from unnest(${sql(column)}) name where starts_with(name, ${prefix}))`;
  const [row] = await sql<{ isStale: boolean }[]>`
    select not ${canBeJudged(sql)} or exists (
      select from tiercel_outbox
      where ${isUnseen(sql)} and (
        tags && array[${tags.dashboards}, ${ROOT_TAG}] or ${names('keys', prefixes.dashboard)} or ${names('tags', prefixes.org)}
      )
    ) as "isStale"
    from org_dashboards_refresh`;
  return row?.isStale !== false;
}

/**
 * Reads the view, or the tables where the view is not true. One statement has one snapshot, so it sees the tables and
 * the outbox at the same moment. A change that the view has not seen has a row in the outbox, whichever of two
 * overlapping transactions began or committed first.
 */
function fromViewOrTables(sql: Queryable, orgId: number) {
  return sql<Row[]>`
    with true_view as (
      select org_dashboards.*, 'view' as source, refreshed_at, ${ageSeconds(sql)} as age
      from org_dashboards cross join org_dashboards_refresh
      where org_id = ${orgId} and ${canBeJudged(sql)} and not exists (
        select from tiercel_outbox
        where ${isUnseen(sql)} and (
          keys && array[${keys.dashboard(orgId)}]
          or tags && array[${tags.org(orgId)}, ${tags.dashboards}, ${ROOT_TAG}]
        )
      )
    )
    select ${columns(sql)} from (
      select * from true_view union all (${fromTables(sql, orgId)} and not exists (select from true_view))
    ) row`;
}

const fromTables = (sql: Queryable, orgId: number) => sql`
  select org_aggregates.*, 'tables' as source, statement_timestamp() as refreshed_at, 0 as age
  from org_aggregates where org_id = ${orgId}`;

const columns = (sql: Queryable) => sql`
  org_id as "orgId", products, boms,
  json_build_object('available', available, 'reserved', reserved, 'consumed', consumed, 'shipped', shipped,
                    'blocked', blocked) as "licensePlates",
  quantity_on_hand as "quantityOnHand", inventory_value as "inventoryValue", version,
  source as from, refreshed_at as "refreshedAt", age as "ageSeconds"`;

/**
 * True for a row of `org_dashboards_refresh` if the outbox can show all that has changed since. The outbox keeps its
 * rows for at least ten minutes after their delivery, in the cluster whose transactions they name. A clock that was set
 * back makes no row young.
 */
const canBeJudged = (sql: Queryable) => sql`
  coalesce(refreshed_at between clock_timestamp() - interval '5 minutes' and clock_timestamp()
           and cluster = (select system_identifier from pg_control_system()), false)`;

/** The age of a row of `org_dashboards_refresh`. */
const ageSeconds = (sql: Queryable) => sql`
  round(extract(epoch from greatest(clock_timestamp(), refreshed_at) - refreshed_at), 3)`;

/**
 * True for a row of `tiercel_outbox`, beside one of `org_dashboards_refresh`, if the refresh has not seen its
 * transaction.
 */
const isUnseen = (sql: Queryable) => sql`
  xid >= pg_snapshot_xmin(snapshot) and not pg_visible_in_snapshot(xid, snapshot)`;

function toDashboard([row]: readonly Row[]): Dashboard | null {
  if (row === undefined) return null;
  const { from, refreshedAt, ageSeconds: age, ...dashboard } = row;
  return { ...dashboard, freshness: { from, refreshedAt: refreshedAt.toISOString(), ageSeconds: age } };
}
