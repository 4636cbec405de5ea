import type { InvalidationMode, Targets } from '../model/invalidation.ts';

/** What a committed change has made untrue: one row of an outbox. */
export interface OutboxRow {
  readonly id: string;
  readonly targets: Targets;
  readonly mode: InvalidationMode;
}

/** An invalidation that follows no change of a row. */
export type OutboxOrder = Omit<OutboxRow, 'id'>;

/** Which of the rows that nobody has delivered: those whose time has come, or also those that are still left to their writer. */
export type Undelivered = 'due' | 'all';

/** How things stand with the lead. */
export interface Lead {
  /** Whether this instance leads. */
  readonly leads: boolean;
  /** How many milliseconds ago the longest waiting row became due; 0 when none waits. */
  readonly lagMs: number;
  /**
   * The cache was not there while others were, and rows may be gone that it has not seen: whatever L2 holds must not be
   * believed. Says so until {@link Outbox.renewed}.
   */
  readonly mustRenew: boolean;
}

/** Told of what happens beside the calls. */
export interface OutboxListener {
  /** There may be something new. It may be lost, and may be called in vain. */
  onChange(): void;
  /** Something that was written behind could not be. */
  onError(error: unknown): void;
}

/**
 * Where the source keeps, in the same transaction as each change, what that change makes untrue, until L2 has been told.
 * Invalidations commute and can be repeated, so neither the order of rows nor a second delivery matters.
 *
 * Every method rejects when the source cannot be asked; none waits for it without end.
 */
export interface Outbox {
  /** For messages and telemetry: `postgresql`. */
  readonly system: string;
  /** How long a delivered row can still be asked for, in milliseconds: W of the protocol. */
  readonly windowMs: number;
  /** Begins to listen. */
  start(listener: OutboxListener): void;
  /**
   * Takes the lead for one cache, or keeps it; one of its instances leads at a time. Two that do so at once, because one of
   * them was paused, do no harm but work twice. What is delivered, and what not, is that cache's matter from now on: other
   * caches, in other Redises or namespaces, may read the same outbox.
   * @param cache What {@link Heartbeat.identity} says of its L2.
   */
  lead(cache: string): Promise<Lead>;
  /** The cache has begun with nothing, as {@link Lead.mustRenew} asked for. */
  renewed(): Promise<void>;
  /** Gives the lead to another. */
  resign(): Promise<void>;
  /** Some rows that nobody has delivered, those first that wait longest; none when there are none. As many as fit into memory with ease. */
  undelivered(which: Undelivered): Promise<readonly OutboxRow[]>;
  /** Some rows delivered within the last `withinMs` milliseconds, in the order of their ids, beyond the id `after`. */
  delivered(withinMs: number, after: string | undefined): Promise<readonly OutboxRow[]>;
  /** L2 has acknowledged these rows. */
  settle(ids: readonly string[]): Promise<void>;
  /**
   * Writes down invalidations that follow no change of a row, all of them or none. They are left to this instance for a
   * moment, as a writer's own. Neither a slow answer nor a failure of it holds up the other methods.
   * @returns their tickets in the order given, once they are durable.
   */
  record(orders: readonly OutboxOrder[]): Promise<readonly string[]>;
  /**
   * L2 has acknowledged these targets. Of the rows under the ticket those count as delivered that name nothing else: what a
   * writer has forgotten is delivered all the same. Written behind, in batches; what is lost of it is delivered once more.
   */
  acknowledge(ticket: string, targets: Targets): void;
  /**
   * The rows that others have committed since a cursor was given out, all of them and none twice, however their transactions
   * overlapped; without a cursor none. `everything`: they are too many, or too old, to be named.
   */
  follow(cursor: string | undefined): Promise<FollowedRows>;
  /** Removes some of what nobody can ask for any more; often called, and mostly does nothing. */
  prune(): Promise<void>;
  close(): Promise<void>;
}

/** What {@link Outbox.follow} answers. */
export interface FollowedRows {
  readonly rows: readonly Omit<OutboxRow, 'id'>[];
  readonly everything: boolean;
  readonly cursor: string;
}
