import type { TSchema } from '@sinclair/typebox';
import type { Sql } from 'postgres';
import type { Duration } from '../core/model/duration.ts';
import type { ReadOptions } from '../core/model/options.ts';
import type { Feed } from './feed.ts';
import type { Mutation } from './mutation.ts';
import type { Params, Query } from './params.ts';
import type { Popularity, WarmContext } from './warming.ts';

/** What a resource loads with. */
export interface LoadContext<P> {
  readonly sql: Sql;
  readonly params: P;
  /** Aborted when nobody waits any more, or the load takes too long: hand it to the query. */
  readonly signal: AbortSignal;
}

/** How long answers of a resource live; see the cache's options of the same names. */
export interface Freshness {
  readonly ttl: Duration;
  /** Default: the cache's `negativeTtl`. */
  readonly negativeTtl?: Duration;
  /** Default 0. */
  readonly staleWhileRevalidate?: Duration;
  /** Default 0: never stale. */
  readonly staleIfError?: Duration;
  /** Default: never. */
  readonly refreshAhead?: ReadOptions['refreshAhead'];
  /** With a stale value at hand, it is the answer after this long. Default 300 ms; `false` waits for the source. */
  readonly softTimeout?: Duration | false;
}

/** One kind of thing that the service serves: where it is read, how it is loaded and cached, what changes it. */
export interface Resource<P extends Params = Params, V = unknown> extends Freshness {
  /** Names it in the API's documentation: `product`. */
  readonly name: string;
  /** The group of its keys (`products:org`), and so the name of its TTL in the configuration. */
  readonly group: string;
  /** Under the API's prefix: `/orgs/:orgId/products/:id`. Every parameter is an id. */
  readonly route: string;
  readonly query: Query;
  readonly summary: string;
  /** Describes the value, for the API's documentation. */
  readonly schema: TSchema;
  /** The tables that it is read from: a write that does not come through here invalidates too. */
  readonly feeds: readonly Feed[];
  readonly mutations: readonly Mutation<P>[];
  /** Holds the org where the path does: so the id of another org's row is the same miss as an id that nothing has. */
  key(params: P): string;
  load(context: LoadContext<P>): Promise<V | null>;
  /** Tags that are known before the load. Absence carries them too. */
  tags(params: P): readonly string[];
  /** Tags that only the value reveals. */
  valueTags?(value: V): readonly string[];
  /**
   * The org that a value belongs to, as a second look beside the query's own: what was loaded of another org is kept and
   * answered as absent.
   */
  owner?(value: V): number;
  /** Parameters of the page after this one; `undefined` on the last. */
  nextPage?(params: P, value: V): Partial<P> | undefined;
  /**
   * Parameters whose answers are worth having before anybody asks for them: after a start, and when Redis has come back. The
   * most wanted first, and no more than the limit. Left out, nothing of it is warmed.
   */
  warm?(context: WarmContext): Promise<readonly P[]>;
  /** Where its answers are counted, whichever tier gave them, so that {@link warm} knows the most wanted. */
  readonly popularity?: Popularity<P>;
  /** This resource with one more mutation. */
  mutation<Schema extends TSchema, Row>(mutation: Mutation<P, Schema, Row>): Resource<P, V>;
}
