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
  /** Called when L2 has acknowledged it. */
  readonly onDelivered: () => void;
  /** The sweep that removes the entries of its pattern from L2. Absent without a pattern. */
  readonly sweep: Sweep | undefined;
  /** True while the caller that made the order sends it to L2. Retries leave such an order alone. */
  sending: boolean;
  /** True when L2 has refused it and listeners have been told. Another refusal is not reported. */
  wasRefused: boolean;
}

/**
 * The orders that were pending when a read began. The read does not use L2 for anything that they name, as long as it
 * lasts. An order may be delivered meanwhile, but a reply from before the delivery may still arrive on another
 * connection.
 */
export class Undelivered {
  readonly #orders: readonly PendingOrder[];

  constructor(orders: readonly PendingOrder[]) {
    this.#orders = orders;
  }

  /** True when the read must not use an answer of L2 about this entry. */
  covers(id: EntryId, tags: Iterable<EntryId>): boolean {
    return this.#orders.some((order) => order.matches(id, tags));
  }

  /** True when the read must not use an answer of L2 about this tag's generation. */
  coversTag(tag: EntryId): boolean {
    return this.#orders.some(({ targets }) => targets.tags.includes(tag));
  }
}

/** The usual case: no order was pending. */
export const NOTHING_UNDELIVERED = new Undelivered([]);

/** The number of waiting names at which they collapse into one order for everything. */
const MAX_WAITING_NAMES = 10_000;

/**
 * The invalidations that L2 has not acknowledged, in the order in which they were made. While an order is pending,
 * everything that it names is a miss in L2 for this instance. A reader after a write therefore never sees the replaced
 * value, even when L2 has not received the order.
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

  /** Adds an order that its caller is sending to L2. The caller ends that by {@link settle} or {@link leave}. */
  add(targets: Targets, mode: InvalidationMode, onDelivered: () => void = nobody): PendingOrder {
    const order = orderOf(targets, mode, onDelivered);
    this.#orders.push(order);
    return order;
  }

  /**
   * Leaves an order to be retried, because L2 could not be told. Beyond the limit all waiting orders become one for
   * everything.
   */
  leave(order: PendingOrder): void {
    order.sending = false;
    this.#waitingNames += namesIn(order.targets);
    if (this.#waitingNames <= this.#limit) return;
    const everything = { ...orderOf(EVERYTHING, 'delete', nobody), sending: false };
    this.#orders = [...this.#orders.filter(({ sending }) => sending), everything];
    this.#waitingNames = namesIn(EVERYTHING);
  }

  /**
   * Replaces the pattern of an order by the tag of its namespace. L2 ends a tag in one step, which helps when a sweep
   * does not finish. From now on the whole namespace is a miss in L2 for this instance.
   * @returns the new order, or nothing when another order has replaced this one meanwhile.
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

  /** Removes an order that L2 has acknowledged. */
  settle(order: PendingOrder): void {
    const index = this.#orders.indexOf(order);
    // Another order has replaced it meanwhile.
    if (index === -1) return;
    this.#orders.splice(index, 1);
    if (!order.sending) this.#waitingNames -= namesIn(order.targets);
    order.onDelivered();
  }

  /** The orders that no caller is sending to L2, in the order in which they were made. */
  waiting(): readonly PendingOrder[] {
    return this.#orders.filter(({ sending }) => !sending);
  }

  /** The orders that are pending at this moment. */
  undelivered(): Undelivered {
    return this.#orders.length === 0 ? NOTHING_UNDELIVERED : new Undelivered([...this.#orders]);
  }

  /**
   * Summarizes the pending orders.
   * @param recording Orders that only the outbox has not taken.
   * @param isOwing True when the outbox has not taken an order.
   */
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

/** The number that an order counts against a bound. */
export function namesIn(targets: Targets): number {
  return targets.ids.length + targets.tags.length + 1;
}
