import type { PendingSummary } from '../model/errors.ts';
import {
  EVERYTHING,
  type InvalidationMode,
  matcherOf,
  namesEverything,
  patternMatcher,
  type Targets,
} from '../model/invalidation.ts';
import { type EntryId, namespaceTag } from '../model/key.ts';
import { Sweep } from './sweep.ts';

/** An invalidation that L2 has not acknowledged. */
export interface PendingOrder {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  readonly matches: (id: EntryId, tags: Iterable<EntryId>) => boolean;
  /** Called once L2 has acknowledged it. */
  readonly onDelivered: () => void;
  /** Removes from L2 what its pattern names; absent without one. */
  readonly sweep: Sweep | undefined;
  /** Being told to L2 at this moment by whoever made it; nobody else need try. */
  sending: boolean;
  /** L2 has refused it, and listeners have been told: that it does so again is no news. */
  wasRefused: boolean;
}

/**
 * What was owed when a read began: for as long as that read lasts, L2 is not believed about it. The order may be
 * delivered meanwhile, but a reply from before the delivery may still be on its way, on another connection.
 */
export class Undelivered {
  readonly #orders: readonly PendingOrder[];

  constructor(orders: readonly PendingOrder[]) {
    this.#orders = orders;
  }

  /** Whether L2 must not be believed about this entry. */
  covers(id: EntryId, tags: Iterable<EntryId>): boolean {
    return this.#orders.some((order) => order.matches(id, tags));
  }

  /** Whether it must not be believed about a tag's generation. */
  coversTag(tag: EntryId): boolean {
    return this.#orders.some(({ targets }) => targets.tags.includes(tag));
  }
}

/** The usual case. */
export const NOTHING_UNDELIVERED = new Undelivered([]);

/** Names that may wait before they collapse to "all". */
const MAX_WAITING_NAMES = 10_000;

/**
 * The invalidations that this instance owes to L2, in order. While one is here, whatever it names is a miss in L2 for
 * this instance; so a reader after a write never sees the value that the write replaced, whether or not L2 has heard.
 */
export class PendingInvalidations {
  readonly #limit: number;
  #orders: PendingOrder[] = [];
  #waitingNames = 0;

  constructor(limit = MAX_WAITING_NAMES) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#orders.length === 0;
  }

  /** Keeps an order that its maker is telling L2 of, until {@link settle} or {@link leave}. */
  add(targets: Targets, mode: InvalidationMode, onDelivered: () => void = nobody): PendingOrder {
    const order = orderOf(targets, mode, onDelivered);
    this.#orders.push(order);
    return order;
  }

  /** L2 could not be told: the order waits to be repeated. Beyond the limit all that wait become one for everything. */
  leave(order: PendingOrder): void {
    order.sending = false;
    this.#waitingNames += namesIn(order.targets);
    if (this.#waitingNames <= this.#limit) return;
    const everything = { ...orderOf(EVERYTHING, 'delete', nobody), sending: false };
    this.#orders = [...this.#orders.filter(({ sending }) => sending), everything];
    this.#waitingNames = namesIn(EVERYTHING);
  }

  /**
   * Makes of an order's pattern the tag of its namespace, which L2 ends in one step where a sweep comes to no end. It stands
   * in for L2 about the whole namespace from here on.
   * @returns the order that takes its place; nothing when another one has swallowed it meanwhile.
   */
  widen(order: PendingOrder): PendingOrder | undefined {
    const { targets, mode, onDelivered, sending } = order;
    const index = this.#orders.indexOf(order);
    if (index === -1 || targets.pattern === undefined) return undefined;
    const tags = [...targets.tags, namespaceTag(targets.pattern.namespace)];
    const wide = { ...orderOf({ ids: targets.ids, tags }, mode, onDelivered), sending };
    this.#orders[index] = wide;
    if (!sending) this.#waitingNames += namesIn(wide.targets) - namesIn(targets);
    return wide;
  }

  /** L2 has acknowledged the order. */
  settle(order: PendingOrder): void {
    const index = this.#orders.indexOf(order);
    // Another order has swallowed it meanwhile.
    if (index === -1) return;
    this.#orders.splice(index, 1);
    if (!order.sending) this.#waitingNames -= namesIn(order.targets);
    order.onDelivered();
  }

  /** The orders that nobody is telling L2 of, in the order in which they were made. */
  waiting(): readonly PendingOrder[] {
    return this.#orders.filter(({ sending }) => !sending);
  }

  /** What is owed at this moment. */
  undelivered(): Undelivered {
    return this.#orders.length === 0 ? NOTHING_UNDELIVERED : new Undelivered([...this.#orders]);
  }

  /** @param recording What is owed to the outbox alone. @param isOwing Whether anything is owed to the outbox. */
  summary(recording: readonly Targets[] = [], isOwing = false): PendingSummary {
    const targets = [...this.#orders.map((order) => order.targets), ...recording];
    return {
      keys: targets.reduce((sum, { ids }) => sum + ids.length, 0),
      tags: targets.reduce((sum, each) => sum + each.tags.length, 0),
      patterns: targets.filter(({ pattern }) => pattern !== undefined).length,
      all: targets.some(namesEverything),
      outbox: isOwing,
    };
  }
}

function orderOf(targets: Targets, mode: InvalidationMode, onDelivered: () => void): PendingOrder {
  const { pattern } = targets;
  const sweep = pattern && new Sweep(pattern, patternMatcher(targets), mode);
  const matches = matcherOf(targets);
  return { targets, mode, matches, onDelivered, sweep, sending: true, wasRefused: false };
}

function nobody(): void {}

/** How much an order counts against a bound. */
export function namesIn(targets: Targets): number {
  return targets.ids.length + targets.tags.length + 1;
}
