import type { TSchema } from '@sinclair/typebox';
import type { Sql } from 'postgres';
import type { Duration } from '../core/model/duration.ts';
import type { ReadOptions } from '../core/model/options.ts';
import type { Feed } from './feed.ts';
import type { Mutation } from './mutation.ts';
import type { Params, Query } from './params.ts';
import type { Popularity, WarmContext } from './warming.ts';

/** The arguments of a resource's load. */
export interface LoadContext<P> {
  readonly sql: Sql;
  readonly params: P;
  /** Aborts when no caller waits any more, or when the load takes too long. Pass it to the query. */
  readonly signal: AbortSignal;
}

/** The lifetimes of a resource's answers; see the cache's options of the same names. */
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
  /** Answers with a stale value, if there is one, after this long. Default 300 ms; `false` waits for the source. */
  readonly softTimeout?: Duration | false;
}

/** One kind of thing that the service serves: its route, its load, its place in the cache, and its mutations. */
export interface Resource<P extends Params = Params, V = unknown> extends Freshness {
  /** Names the resource in the API's documentation: `product`. */
  readonly name: string;
  /** The group of its keys (`products:org`), which also names its TTL in the configuration. */
  readonly group: string;
  /** The path under the API's prefix: `/orgs/:orgId/products/:id`. Every parameter is an id. */
  readonly route: string;
  readonly query: Query;
  readonly summary: string;
  /** Describes the value, for the API's documentation. */
  readonly schema: TSchema;
  /** The tables from which it is read. A write by another program invalidates through them too. */
  readonly feeds: readonly Feed[];
  readonly mutations: readonly Mutation<P>[];
  /**
   * Makes the key, which holds the org if the path does. The id of another org's row is then the same miss as an id
   * that nothing has.
   */
  key(params: P): string;
  load(context: LoadContext<P>): Promise<V | null>;
  /** Returns the tags that are known before the load. Absence carries them too. */
  tags(params: P): readonly string[];
  /** Returns the tags that depend on the value. */
  valueTags?(value: V): readonly string[];
  /**
   * Tells if a value answers these parameters, where its members named as the path's parameters do not say it all: a page
   * must hold the rows beyond its `after`. Part of {@link answers}.
   */
  fits?(params: P, value: V): boolean;
  /**
   * Tells if a value is of the row, and of the org, that these parameters name. This is a second check beside the query's
   * own: another value is stored and answered as absent. In Redis it is a miss, and reported.
   */
  answers(params: P, value: V): boolean;
  /** Returns the parameters that a key holds; `undefined` for a key that {@link key} does not make. */
  paramsOf(key: string): P | undefined;
  /**
   * Returns the part of a cached value that these parameters ask for, if one entry answers several of them: a page of 7 is
   * cut from the page of 10 that is cached. Headers of a value are made once for each object. So parameters whose headers
   * differ must be given different objects.
   */
  cut?(params: P, value: V): V;
  /** Returns the parameters of the page after this one; `undefined` on the last. The value is the whole one, not its {@link cut}. */
  nextPage?(params: P, value: V): Partial<P> | undefined;
  /**
   * Lists the parameters whose answers are warmed: after a start, and when Redis has come back. The most wanted come
   * first, and no more than the limit. Default: nothing of this resource is warmed.
   */
  warm?(context: WarmContext): Promise<readonly P[]>;
  /** The column that counts its answers from every tier, so that {@link warm} knows the most wanted. */
  readonly popularity?: Popularity<P>;
  /** Returns this resource with one more mutation. */
  mutation<Schema extends TSchema, Row>(mutation: Mutation<P, Schema, Row>): Resource<P, V>;
}
