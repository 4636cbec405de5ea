import type { PendingSummary } from '../model/errors.ts';
import type { CacheEvent } from '../model/events.ts';
import { EVERYTHING, type InvalidationMode, type Targets } from '../model/invalidation.ts';
import type { Outbox } from '../ports/outbox.ts';
import { detached } from '../primitives/async-context.ts';
import type { Clock } from '../primitives/clock.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import { namesIn, type PendingInvalidations } from './pending-invalidations.ts';

/** An invalidation on its way into the outbox. */
export interface RecordOrder {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  /** Resolves with whether the outbox holds the order. `false`: it is owed, and written as soon as that is possible. */
  readonly written: Promise<boolean>;
}

/** Orders in one statement, and about the most names that they have together. */
const MOST_ORDERS = 1_000;
const MOST_NAMES = 10_000;

/** Names that may be owed before they collapse to "all". */
const MAX_UNWRITTEN_NAMES = 10_000;

/** A caller waits so long for the outbox; then its order is owed. */
const WAIT_MS = 1_000;

/** A connection may be lost at any time. Two failures in a row say that the database is away. */
const FAILURES_TO_OWE = 2;

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;

class Order implements RecordOrder {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  readonly written: Promise<boolean>;
  readonly settle: (isWritten: boolean) => void;
  cancelWait: () => void = () => {};
  isOwed = false;
  isSending = false;
  isAcknowledged = false;
  ticket: string | undefined;
  /** The history in which L2 has acknowledged the order. */
  toldIn: string | undefined;
  writtenAt = Number.NEGATIVE_INFINITY;

  constructor(targets: Targets, mode: InvalidationMode) {
    this.targets = targets;
    this.mode = mode;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.written = promise;
    this.settle = resolve;
  }
}

/**
 * Writes invalidations that follow no change of a row into the outbox: all orders of one turn, and those that come while a
 * statement is under way, share the next statement.
 *
 * - An order that the outbox does not take is owed to the outbox alone. It is repeated until it is written, and shadows
 *   nothing in L2 once L2 has acknowledged it: an outage of the database must not take L2 along.
 * - A row counts as delivered only if L2 has acknowledged its order after the row was committed, or if a heartbeat that was
 *   sent after the commit still finds the history that has acknowledged it. Otherwise Redis may have come back with older
 *   data in between, and the repair that follows knew nothing of the row (protocol, race 41).
 * - When another history appears, L2 is told once more of every order for which that proof is missing.
 */
export class OutboxRecorder {
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #pending: PendingInvalidations;
  readonly #emit: (event: CacheEvent) => void;
  readonly #hasL2: boolean;
  readonly #limit: number;
  /** Not written yet, in the order in which they were given. */
  readonly #waiting = new Set<Order>();
  /** Written after L2 had acknowledged them: the proof is missing. */
  readonly #unproven = new Set<Order>();
  #unwrittenNames = 0;
  /** Stands for all that were owed when they were too many. */
  #everything: Order | undefined;
  #most = MOST_ORDERS;
  #failures = 0;
  #error: unknown;
  #isSaid = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;
  #wake: () => void = () => {};

  /** @param hasL2 Without an L2 a row is delivered when it is written: followers find it. */
  constructor(
    outbox: Outbox,
    clock: Clock,
    pending: PendingInvalidations,
    emit: (event: CacheEvent) => void,
    hasL2: boolean,
    limit = MAX_UNWRITTEN_NAMES,
  ) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#pending = pending;
    this.#emit = emit;
    this.#hasL2 = hasL2;
    this.#limit = limit;
  }

  /** All that this instance owes to L2 and to the outbox, each order once. */
  summary(): PendingSummary {
    // What L2 has not acknowledged is pending as well.
    const isOwn = (order: Order): boolean => order.toldIn !== undefined || order === this.#everything || !this.#hasL2;
    const own = [...this.#waiting].filter((order) => order.isOwed && isOwn(order));
    return this.#pending.summary(
      own.map(({ targets }) => targets),
      this.#unwrittenNames > 0,
    );
  }

  /** What the last attempt failed with. */
  get error(): unknown {
    return this.#error;
  }

  /** Has an order written. */
  add(targets: Targets, mode: InvalidationMode): RecordOrder {
    const order = new Order(targets, mode);
    this.#waiting.add(order);
    if (this.#failures >= FAILURES_TO_OWE) this.#owe(order);
    else {
      const late = (): void => this.#giveUp(order, new TimeoutExceeded(WAIT_MS));
      const onTime = (): void => {
        // A process that was held up runs its timers first: the answer that has arrived meanwhile gets its turn.
        order.cancelWait = this.#clock.after(0, late);
      };
      order.cancelWait = this.#clock.after(WAIT_MS, onTime, true);
    }
    this.#writing ??= detached(() => this.#write());
    return order;
  }

  /**
   * L2 has acknowledged an order.
   * @param epoch The history in which it has; unknown where the order was repeated later.
   */
  acknowledge(given: RecordOrder, epoch?: string): void {
    if (!(given instanceof Order) || given.isAcknowledged) return;
    if (given.ticket === undefined) {
      given.toldIn ??= epoch;
      return;
    }
    given.isAcknowledged = true;
    this.#unproven.delete(given);
    try {
      this.#outbox.acknowledge(given.ticket, given.targets);
    } catch (error) {
      // What the outbox does not take note of is only delivered once more.
      this.#emit({ type: 'tier_failure', error, operation: 'acknowledge', tier: 'source', background: true });
    }
  }

  /** A heartbeat has been answered: the server told this history at some time after `sentAt`. */
  heartbeat(epoch: string, sentAt: number): void {
    for (const order of this.#waiting) this.#tellAgain(order, epoch);
    for (const order of this.#unproven) {
      if (order.toldIn !== epoch) {
        this.#unproven.delete(order);
        this.#tellAgain(order, epoch);
      } else if (sentAt >= order.writtenAt) this.acknowledge(order);
    }
  }

  /** Waits for the statement under way, and tries once more to write what is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    const last = async (): Promise<void> => {
      await this.#writing;
      if (this.#waiting.size > 0) await this.#write();
    };
    await withTimeout(this.#clock, 2 * WAIT_MS, last()).catch((error: unknown) => {
      this.#error = error;
    });
    for (const order of this.#waiting) this.#settle(order, false);
    if (this.#waiting.size > 0) this.#report(this.#error);
    this.#waiting.clear();
  }

  /** Entries of this order may be there again, and no row has kept them from being believed. */
  #tellAgain(order: Order, epoch: string): void {
    if (order.toldIn === undefined || order.toldIn === epoch) return;
    order.toldIn = undefined;
    const again = this.#pending.add(order.targets, order.mode, () => this.acknowledge(order, epoch));
    this.#pending.leave(again);
  }

  async #write(): Promise<void> {
    // The rest of the turn comes along.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const batch = this.#nextBatch();
      const isWritten = await this.#send(batch);
      if (isWritten) continue;
      if (this.#isClosed) break;
      await this.#pause(Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS));
    }
    this.#writing = undefined;
  }

  #nextBatch(): Order[] {
    const batch: Order[] = [];
    let names = 0;
    for (const order of this.#waiting) {
      names += namesIn(order.targets);
      if (batch.length > 0 && (batch.length >= this.#most || names > MOST_NAMES)) break;
      batch.push(order);
    }
    return batch;
  }

  async #send(batch: readonly Order[]): Promise<boolean> {
    for (const order of batch) order.isSending = true;
    try {
      const tickets = await this.#outbox.record(batch.map(({ targets, mode }) => ({ targets, mode })));
      for (const [index, order] of batch.entries()) this.#written(order, tickets[index]);
      this.#failures = 0;
      this.#isSaid = false;
      this.#most = Math.min(this.#most * 2, MOST_ORDERS);
      return true;
    } catch (error) {
      this.#failed(batch, error);
      return false;
    } finally {
      for (const order of batch) order.isSending = false;
    }
  }

  /** What the database refuses for the sake of one order must not hold up the others: smaller and smaller batches find it. */
  #failed(batch: readonly Order[], error: unknown): void {
    this.#failures += 1;
    this.#error = error;
    this.#most = Math.max(Math.floor(batch.length / 2), 1);
    for (const order of batch) {
      if (batch.length === 1) {
        this.#waiting.delete(order);
        this.#waiting.add(order);
      }
      order.isSending = false;
      if (this.#failures >= FAILURES_TO_OWE) this.#giveUp(order, error);
    }
  }

  #written(order: Order, ticket: string | undefined): void {
    if (this.#waiting.delete(order) && order.isOwed) this.#settleOwed(order);
    order.ticket = ticket;
    order.writtenAt = this.#clock.now();
    this.#settle(order, true);
    if (!this.#hasL2) this.acknowledge(order);
    else if (order.toldIn !== undefined && this.#unproven.size < this.#limit) this.#unproven.add(order);
  }

  #settle(order: Order, isWritten: boolean): void {
    order.cancelWait();
    order.settle(isWritten);
  }

  #settleOwed({ targets }: Order): void {
    this.#unwrittenNames -= namesIn(targets);
    if (this.#unwrittenNames === 0) this.#emit({ type: 'invalidation_delivered' });
  }

  #giveUp(order: Order, error: unknown): void {
    if (order.isOwed) return;
    if (!this.#isSaid) this.#report(error);
    this.#owe(order);
  }

  #owe(order: Order): void {
    order.isOwed = true;
    this.#settle(order, false);
    this.#unwrittenNames += namesIn(order.targets);
    if (this.#unwrittenNames > this.#limit) this.#collapse();
  }

  /** One order for everything stands for all that are owed. Those in the statement under way may yet be written with it. */
  #collapse(): void {
    const everything = new Order(EVERYTHING, 'delete');
    everything.isOwed = true;
    const swallowed = [...this.#waiting].filter(({ isOwed, isSending }) => isOwed && !isSending);
    const [first] = swallowed;
    if (swallowed.every(({ toldIn }) => toldIn === first?.toldIn)) everything.toldIn = first?.toldIn;
    for (const order of swallowed) this.#waiting.delete(order);
    this.#waiting.add(everything);
    this.#everything = everything;
    this.#unwrittenNames = 0;
    for (const { isOwed, targets } of this.#waiting) if (isOwed) this.#unwrittenNames += namesIn(targets);
  }

  /** The first failure is news. Those that follow it are the same outage. */
  #report(error: unknown): void {
    this.#isSaid = true;
    this.#error = error;
    this.#emit({ type: 'tier_failure', error, operation: 'record', tier: 'source', background: true });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#wake = () => {};
        resolve();
      };
      const cancel = this.#clock.after(ms, end);
      this.#wake = end;
    });
  }
}
