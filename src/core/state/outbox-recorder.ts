import type { PendingSummary } from '../model/errors.ts';
import type { CacheEvent } from '../model/events.ts';
import { EVERYTHING, type InvalidationMode, type Targets } from '../model/invalidation.ts';
import type { Outbox } from '../ports/outbox.ts';
import { detached } from '../primitives/async-context.ts';
import type { Clock } from '../primitives/clock.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import { namesIn, type PendingInvalidations } from './pending-invalidations.ts';

/** One invalidation on its way into the outbox. */
export interface RecordOrder {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  /**
   * Resolves with true when the outbox holds the order. `false`: the order is queued and retried until it is written.
   */
  readonly written: Promise<boolean>;
}

/** The most orders in one statement, and the approximate limit on their names together. */
const MOST_ORDERS = 1_000;
const MOST_NAMES = 10_000;

/** The number of queued names at which they collapse into one order for everything. */
const MAX_UNWRITTEN_NAMES = 10_000;

/** The time for which a caller waits for the outbox. Afterwards its order is queued. */
const WAIT_MS = 1_000;

/** One failure may be a lost connection. Two in a row count as an outage of the database. */
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
  /** The epoch in which L2 acknowledged the order. */
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
 * Writes invalidations that follow no change of a row into the outbox. Orders of one turn share a statement, as do
 * those that arrive while a statement runs.
 *
 * - An order that the outbox does not take is queued and retried until it is written. Once L2 has acknowledged it, it
 *   shadows nothing in L2. Otherwise an outage of the database would take L2 away as well.
 * - A row counts as delivered when L2 acknowledged its order after the row was committed. A heartbeat that was sent
 *   after the commit and finds the acknowledging epoch is proof too. Without that proof Redis may have returned with
 *   older data in between, and the repair did not know the row (protocol, race 41).
 * - When another epoch appears, L2 is told again of every order without that proof.
 */
export class OutboxRecorder {
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #pending: PendingInvalidations;
  readonly #emit: (event: CacheEvent) => void;
  readonly #hasL2: boolean;
  readonly #limit: number;
  /** Orders that are not written yet, in the order in which they were given. */
  readonly #waiting = new Set<Order>();
  /** Orders that were written after L2 had acknowledged them, and whose proof is missing. */
  readonly #unproven = new Set<Order>();
  #unwrittenNames = 0;
  /** The order that replaces all queued ones when they are too many. */
  #everything: Order | undefined;
  #most = MOST_ORDERS;
  #failures = 0;
  #error: unknown;
  #isSaid = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;
  #wake: () => void = () => {};

  /** @param hasL2 Without an L2 a row counts as delivered when it is written, because followers find it. */
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

  /** Summarizes the invalidations that L2 or the outbox has not acknowledged, each order once. */
  summary(): PendingSummary {
    // An order that L2 has not acknowledged is in the pending set too, and is counted there.
    const isOwn = (order: Order): boolean => order.toldIn !== undefined || order === this.#everything || !this.#hasL2;
    const own = [...this.#waiting].filter((order) => order.isOwed && isOwn(order));
    return this.#pending.summary(
      own.map(({ targets }) => targets),
      this.#unwrittenNames > 0,
    );
  }

  /** The error of the last failed attempt. */
  get error(): unknown {
    return this.#error;
  }

  /** Queues an order for the next statement. */
  add(targets: Targets, mode: InvalidationMode): RecordOrder {
    const order = new Order(targets, mode);
    this.#waiting.add(order);
    if (this.#failures >= FAILURES_TO_OWE) this.#owe(order);
    else {
      const late = (): void => this.#giveUp(order, new TimeoutExceeded(WAIT_MS));
      const onTime = (): void => {
        // A process that was held up runs its timers first. The extra turn lets an answer count that has arrived
        // meanwhile.
        order.cancelWait = this.#clock.after(0, late);
      };
      order.cancelWait = this.#clock.after(WAIT_MS, onTime, true);
    }
    this.#writing ??= detached(() => this.#write());
    return order;
  }

  /**
   * Takes note that L2 has acknowledged an order.
   * @param epoch The epoch of the acknowledgement. Unknown when the order was repeated later.
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
      // An acknowledgement that the outbox misses only causes one more delivery.
      this.#emit({ type: 'tier_failure', error, operation: 'acknowledge', tier: 'source', background: true });
    }
  }

  /** Takes note of an answered heartbeat: the server named this epoch at some time after `sentAt`. */
  heartbeat(epoch: string, sentAt: number): void {
    for (const order of this.#waiting) this.#tellAgain(order, epoch);
    for (const order of this.#unproven) {
      if (order.toldIn !== epoch) {
        this.#unproven.delete(order);
        this.#tellAgain(order, epoch);
      } else if (sentAt >= order.writtenAt) this.acknowledge(order);
    }
  }

  /** Waits for the running statement, and tries once more to write the remaining orders. */
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

  /**
   * Tells L2 again of an order that it acknowledged in another epoch. Entries that the order removed may be back, and
   * no row has made the repair remove them.
   */
  #tellAgain(order: Order, epoch: string): void {
    if (order.toldIn === undefined || order.toldIn === epoch) return;
    order.toldIn = undefined;
    const again = this.#pending.add(order.targets, order.mode, () => this.acknowledge(order, epoch));
    this.#pending.leave(again);
  }

  async #write(): Promise<void> {
    // Orders of the rest of this turn share the statement.
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

  /**
   * Halves the batches after a failure, until they isolate an order that the database refuses. One such order must not
   * hold up the others.
   */
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

  /**
   * Replaces all queued orders by one for everything. Orders in the running statement stay, because it may yet write
   * them.
   */
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

  /** Reports the first failure of an outage. The failures that follow are the same outage. */
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
