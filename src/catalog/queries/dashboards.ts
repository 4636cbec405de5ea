import { cancellable } from '../../adapters/postgres/index.ts';
import { ROOT_TAG } from '../../core/model/key.ts';
import { keys, prefixes, tags } from '../resources/names.ts';
import type { Dashboard } from '../rows.ts';
import { type Queryable, sqlState } from '../sql.ts';

/** Of which moment the materialized dashboards are, and how long ago that was. */
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

/** The view is not there, or not filled. */
const NO_VIEW: ReadonlySet<string | undefined> = new Set(['42P01', '55000']);

/**
 * What an org has; `null` when there is no such org. From the materialized view if that is as true as the tables are, else
 * from the tables: either way it is of the moment of the query.
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

/** When the materialized dashboards were refreshed last, by whomever. */
export async function dashboardsAge(sql: Queryable, signal?: AbortSignal): Promise<DashboardsAge> {
  const [row] = await cancellable(
    sql<DashboardsAge[]>`
      select refreshed_at as "refreshedAt", ${ageSeconds(sql)} as "ageSeconds" from org_dashboards_refresh`,
    signal,
  );
  return row ?? { refreshedAt: null, ageSeconds: null };
}

/** Whether the materialized dashboards are too old to be judged, or a change of some dashboard is missing in them. */
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
 * One statement, so one snapshot: what it sees of the tables, it sees of the outbox. A change that the view has not seen has
 * a row there which tells so, whichever of two overlapping transactions began or committed first.
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
 * Of a row of `org_dashboards_refresh`: whether the outbox can tell what has happened since. It keeps its rows for at least
 * ten minutes after they were delivered, in the cluster whose transactions they name. A clock that was set back makes nothing
 * young.
 */
const canBeJudged = (sql: Queryable) => sql`
  coalesce(refreshed_at between clock_timestamp() - interval '5 minutes' and clock_timestamp()
           and cluster = (select system_identifier from pg_control_system()), false)`;

/** Of a row of `org_dashboards_refresh`. */
const ageSeconds = (sql: Queryable) => sql`
  round(extract(epoch from greatest(clock_timestamp(), refreshed_at) - refreshed_at), 3)`;

/** Of a row of `tiercel_outbox`, beside one of `org_dashboards_refresh`: whether the refresh has not seen its transaction. */
const isUnseen = (sql: Queryable) => sql`
  xid >= pg_snapshot_xmin(snapshot) and not pg_visible_in_snapshot(xid, snapshot)`;

function toDashboard([row]: readonly Row[]): Dashboard | null {
  if (row === undefined) return null;
  const { from, refreshedAt, ageSeconds: age, ...dashboard } = row;
  return { ...dashboard, freshness: { from, refreshedAt: refreshedAt.toISOString(), ageSeconds: age } };
}
