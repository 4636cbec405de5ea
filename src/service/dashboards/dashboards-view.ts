import { type DashboardsAge, dashboardsAge, dashboardsAreStale } from '../../catalog/queries.ts';
import { refreshDashboards } from '../../catalog/refresh-dashboards.ts';
import type { Sql } from '../../catalog/sql.ts';

/** The materialized dashboards, for their refresher and for the health report. */
export interface DashboardsView {
  /** Refreshes them. Resolves with `false` when another process refreshes. */
  refresh(): Promise<boolean>;
  /** Tells if the dashboards are too old to be used, or lack a change. */
  isStale(): Promise<boolean>;
  age(): Promise<DashboardsAge>;
}

/** The health report waits this long for an answer. Milliseconds. */
const AGE_DEADLINE_MS = 2_000;

/** Makes the view over a database. */
export function dashboardsView(sql: Sql): DashboardsView {
  return {
    refresh: () => refreshDashboards(sql),
    isStale: () => dashboardsAreStale(sql),
    age: () => dashboardsAge(sql, AbortSignal.timeout(AGE_DEADLINE_MS)),
  };
}
