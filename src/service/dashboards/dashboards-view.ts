import { type DashboardsAge, dashboardsAge, dashboardsAreStale } from '../../catalog/queries.ts';
import { refreshDashboards } from '../../catalog/refresh-dashboards.ts';
import type { Sql } from '../../catalog/sql.ts';

/** The materialized dashboards, as their refresher and health see them. */
export interface DashboardsView {
  /** Resolves with `false` when somebody else is refreshing. */
  refresh(): Promise<boolean>;
  /** Whether the dashboards are too old to be used, or miss a change. */
  isStale(): Promise<boolean>;
  age(): Promise<DashboardsAge>;
}

/** How long health waits for an answer. */
const AGE_DEADLINE_MS = 2_000;

/** Those of a database. */
export function dashboardsView(sql: Sql): DashboardsView {
  return {
    refresh: () => refreshDashboards(sql),
    isStale: () => dashboardsAreStale(sql),
    age: () => dashboardsAge(sql, AbortSignal.timeout(AGE_DEADLINE_MS)),
  };
}
