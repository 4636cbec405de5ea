import type { Sql } from 'postgres';
import type { Params } from './params.ts';

/** What a resource finds out with what is worth warming. */
export interface WarmContext {
  readonly sql: Sql;
  /** Most parameters that anybody will use. */
  readonly limit: number;
  /** Aborted when the warm-up is: hand it to the query. */
  readonly signal: AbortSignal;
}

/** The column in which a table counts how often its rows were read, and the row that an answer is of. */
export interface Popularity<P = Params> {
  readonly table: string;
  /** A whole number, which nothing that is cached shows and no trigger takes for a change of the row. */
  readonly column: string;
  /** The `id` of the row. */
  row(params: P): number;
}
