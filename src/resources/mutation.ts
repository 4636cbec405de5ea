import type { Static, TSchema } from '@sinclair/typebox';
import type { TransactionSql } from 'postgres';
import type { Params } from './params.ts';

/** What a mutation made untrue. */
export interface Invalidates {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
}

/** What a mutation runs with. */
export interface MutationContext<P, Body> {
  /** A transaction, which commits when `run` resolves. */
  readonly sql: TransactionSql;
  readonly params: P;
  /** Valid by the mutation's schema. */
  readonly body: Body;
}

/**
 * One way to change a resource, and what it makes untrue, in one place.
 *
 * It is acknowledged after the commit and after the invalidation. POST answers 201, DELETE 204, the others 200.
 */
export interface Mutation<P = Params, Schema extends TSchema = TSchema, Row = unknown> {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Added to the resource's route: `/items`. */
  readonly suffix?: string;
  readonly summary: string;
  /** Left out, the request has no body. Objects take no further properties unless the schema says so. */
  readonly body?: Schema;
  /** Describes the answer, for the API's documentation. Default: the resource's own schema. */
  readonly answer?: TSchema;
  /**
   * Changes the source. `null` means that there is nothing of that id: nothing is invalidated, and the
   * answer is 404.
   */
  run(context: MutationContext<P, Static<Schema>>): Promise<Row | null>;
  /** What the change made untrue. `row` is what {@link run} gave. */
  invalidates(params: P, row: Row): Invalidates;
  /** Where the new thing is, under the API's prefix: the `Location` of a 201. */
  location?(params: P, row: Row): string;
}
