import type { Static, TSchema } from '@sinclair/typebox';
import type { TransactionSql } from 'postgres';
import type { Params } from './params.ts';

/** The keys and tags that a mutation made untrue. */
export interface Invalidates {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
}

/** The arguments of a mutation. */
export interface MutationContext<P, Body> {
  /** A transaction, which commits when `run` resolves. */
  readonly sql: TransactionSql;
  readonly params: P;
  /** The body of the request, valid by the mutation's schema. */
  readonly body: Body;
}

/**
 * One way to change a resource, with the names that the change makes untrue.
 *
 * The service acknowledges it after the commit and after the invalidation. POST answers 201, DELETE 204, the others
 * 200.
 */
export interface Mutation<P = Params, Schema extends TSchema = TSchema, Row = unknown> {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Follows the resource's route: `/items`. */
  readonly suffix?: string;
  readonly summary: string;
  /**
   * The schema of the request's body. Default: the request has no body. Objects take no further properties unless the
   * schema allows them.
   */
  readonly body?: Schema;
  /** Describes the answer, for the API's documentation. Default: the resource's own schema. */
  readonly answer?: TSchema;
  /** Changes the source. `null` means that no such row exists: nothing is invalidated, and the answer is 404. */
  run(context: MutationContext<P, Static<Schema>>): Promise<Row | null>;
  /** Lists the names that the change made untrue. `row` is the result of {@link run}. */
  invalidates(params: P, row: Row): Invalidates;
  /** Returns the path of the new row, under the API's prefix: the `Location` of a 201. */
  location?(params: P, row: Row): string;
}
