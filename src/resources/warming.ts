import type { Sql } from 'postgres';
import type { Params } from './params.ts';

/** The arguments of a resource's `warm`. */
export interface WarmContext {
  readonly sql: Sql;
  /** The most parameters that the warm-up will use. */
  readonly limit: number;
  /** Aborts with the warm-up. Pass it to the query. */
  readonly signal: AbortSignal;
}

/** The column in which a table counts the reads of its rows, and the row that an answer belongs to. */
export interface Popularity<P = Params> {
  readonly table: string;
  /** A whole number. No cached value shows it, and no trigger takes its change for a change of the row. */
  readonly column: string;
  /** Returns the `id` of the row. */
  row(params: P): number;
}
