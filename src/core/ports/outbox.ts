import type { InvalidationMode, Targets } from '../model/invalidation.ts';

/** One row of an outbox: the targets that a committed change has made untrue. */
export interface OutboxRow {
  readonly id: string;
  readonly targets: Targets;
  readonly mode: InvalidationMode;
}

/** An invalidation that follows no change of a row. */
export type OutboxOrder = Omit<OutboxRow, 'id'>;

/** A choice of undelivered rows: `due` rows alone, or also those that their writer may still deliver itself. */
export type Undelivered = 'due' | 'all';

/** The answer to a request for the lead. */
export interface Lead {
  /** True when this instance leads. */
  readonly leads: boolean;
  /** Time since the longest waiting row became due, in milliseconds; 0 when no row waits. */
  readonly lagMs: number;
  /**
   * True when rows may be gone that the cache has not seen, because it was away while other caches were there. It must
   * not believe the content of L2 then. The outbox repeats this until {@link Outbox.renewed}.
   */
  readonly mustRenew: boolean;
}

/** Receives the events of an {@link Outbox}. */
export interface OutboxListener {
  /** New rows may have come. A call may be lost, and may come in vain. */
  onChange(): void;
  /** Work that the outbox did in the background has failed. */
  onError(error: unknown): void;
}

/**
 * Keeps a record of each change beside the source, in the same transaction as the change, until L2 has been told.
 * Invalidations commute and can be repeated, so neither the order of rows nor a second delivery matters.
 *
 * Every method rejects when the source cannot be asked, and none waits for it without end.
 */
export interface Outbox {
  /** Name for messages and telemetry: `postgresql`. */
  readonly system: string;
  /** Time for which a delivered row can still be asked for, in milliseconds: W of the protocol. */
  readonly windowMs: number;
  /** Begins to listen. */
  start(listener: OutboxListener): void;
  /**
   * Takes or keeps the lead for one cache. One instance of a cache leads at a time. Two may lead at once after one of
   * them was paused. They only do the work twice. From now on this cache has delivery marks of its own. Other caches,
   * in other Redises or namespaces, may read the same outbox.
   * @param cache The {@link Heartbeat.identity} of its L2.
   */
  lead(cache: string): Promise<Lead>;
  /** Tells the outbox that the cache has begun with an empty L2, as {@link Lead.mustRenew} asked. */
  renewed(): Promise<void>;
  /** Gives the lead to another instance. */
  resign(): Promise<void>;
  /**
   * Returns some undelivered rows, the longest waiting first; none when there are none. They fit into memory with ease.
   */
  undelivered(which: Undelivered): Promise<readonly OutboxRow[]>;
  /**
   * Returns some rows beyond the id `after` that were delivered within the last `withinMs` milliseconds, in the order
   * of their ids.
   */
  delivered(withinMs: number, after: string | undefined): Promise<readonly OutboxRow[]>;
  /** Marks rows as delivered, after L2 has acknowledged them. */
  settle(ids: readonly string[]): Promise<void>;
  /**
   * Writes down invalidations that follow no change of a row: all of them or none. For a moment they are left to this
   * instance, as rows are to their writer. Neither a slow answer nor a failure holds up the other methods.
   * @returns Their tickets in the order given, once they are durable.
   */
  record(orders: readonly OutboxOrder[]): Promise<readonly string[]>;
  /**
   * Marks rows under the ticket as delivered, after L2 has acknowledged these targets. A row that names any other
   * target stays undelivered, so a name that its writer has forgotten is delivered all the same. The outbox writes the
   * marks behind, in batches. A mark that is lost means one more delivery.
   */
  acknowledge(ticket: string, targets: Targets): void;
  /**
   * Returns the rows that others have committed since a cursor was given out. It returns all of them and none twice,
   * however their transactions overlapped. Without a cursor it returns none. `everything` is true when the rows are too
   * many, or too old, to be named.
   */
  follow(cursor: string | undefined): Promise<FollowedRows>;
  /** Removes some rows that no instance can ask for any more. It is called often, and mostly does nothing. */
  prune(): Promise<void>;
  close(): Promise<void>;
}

/** The answer of {@link Outbox.follow}. */
export interface FollowedRows {
  readonly rows: readonly Omit<OutboxRow, 'id'>[];
  readonly everything: boolean;
  readonly cursor: string;
}
