import { isSameHistory, isUnavailable, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import { ignore } from '../primitives/quietly.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { PendingOrder } from '../state/pending-invalidations.ts';
import { applyLocally } from '../write/apply-locally.ts';
import { deliver, piecesOf, SWEEP_BUDGET_MS } from '../write/deliver.ts';
import { isKeptByOutbox } from './lost-orders.ts';

/** The number of heartbeats in one bound D. Each begins an attempt, and most attempts end before the next one. */
const HEARTBEATS_PER_BOUND = 3;

/** The time for which a cache that closes waits for the order that is being delivered. */
const CLOSE_GRACE_MS = 1_000;

/** The time for which a cache that closes goes on delivering. */
const LAST_ORDERS_MS = 2_000;

/** An outage of this length seldom ends in the next moments, so a cache that closes makes one more attempt only. */
const LONG_OUTAGE_MS = 10_000;

/** The state of L2 as a closing cache knows it. */
export interface LastChance {
  /** The moment by which the close must have ended, by the clock. */
  readonly until: number;
  /** The time in milliseconds since L2 answered last. */
  readonly silentMs: number;
  readonly isConnected: boolean;
  /** The time limit of one heartbeat, in milliseconds. */
  readonly heartbeatMs: number;
}

/**
 * Delivers the invalidations that L2 has not acknowledged, beside the heartbeat. Each accepted heartbeat begins an attempt
 * unless one is under way. While an order is pending it stands in for L2 about what it names, so neither a slow order nor one
 * that L2 refuses keeps callers from anything else in L2 (protocol, race 50).
 *
 * Orders of names and sweeps are delivered side by side: a sweep is as long as the key space. A pattern that cannot be swept
 * becomes the tag of its namespace after a few attempts.
 *
 * A cache that closes goes on delivering names for a moment (protocol, race 70). Heartbeats go on meanwhile.
 */
export class PendingDelivery {
  readonly #context: CacheContext;
  readonly #tier: RemoteTier;
  /** For an order in one piece. */
  readonly #budgetMs: number;
  /** Ends the sweep under way, and begins no other. */
  readonly #closing = new AbortController();
  #isClosed = false;
  /** Resolved when no name is pending any more; there is one while the cache closes. */
  #finished: PromiseWithResolvers<void> | undefined;
  /** The history that the latest accepted heartbeat has found. */
  #session: Session | undefined;
  #names: Promise<void> | undefined;
  #sweeps: Promise<void> | undefined;

  /** @param answerMs The time that L2 may take for one answer. */
  constructor(context: CacheContext, tier: RemoteTier, answerMs: number) {
    this.#context = context;
    this.#tier = tier;
    this.#budgetMs = Math.max(answerMs, context.maxLagMs / HEARTBEATS_PER_BOUND / 2);
  }

  /** Takes note of an accepted heartbeat. It begins to deliver what is pending, and waits for nothing. */
  heartbeat(session: Session): void {
    if (!isSameHistory(this.#session, session)) this.#session = session;
    this.#begin();
  }

  /** True while orders of names are pending. */
  get isOwing(): boolean {
    return this.#context.pending.waiting().some(({ sweep }) => sweep === undefined);
  }

  /**
   * Ends the sweep under way at once, and goes on delivering names: until none is pending, or for 2 s, or for one attempt where
   * L2 has been away for long or the outbox holds them. Never rejects.
   * @param attempt Begins a heartbeat at once, whatever the next one is due.
   */
  async finish(chance: LastChance, attempt: () => void): Promise<void> {
    this.#closing.abort();
    const { clock } = this.#context;
    const isHopeful = chance.silentMs < LONG_OUTAGE_MS && !isKeptByOutbox(this.#context);
    const ms = Math.min(isHopeful ? LAST_ORDERS_MS : attemptMs(chance), chance.until - clock.now());
    if (!this.isOwing || ms <= 0) return;
    this.#finished = Promise.withResolvers();
    attempt();
    await withTimeout(clock, ms, this.#finished.promise).catch(ignore);
  }

  /** Begins no further delivery, and waits a moment for the one under way. Never rejects. */
  async close(until: number): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    const { clock } = this.#context;
    const ended = Promise.all([this.#names, this.#sweeps]);
    await withTimeout(clock, Math.max(0, Math.min(CLOSE_GRACE_MS, until - clock.now())), ended).catch(ignore);
  }

  #begin(): void {
    const waiting = this.#isClosed ? [] : this.#context.pending.waiting();
    const session = this.#session;
    if (waiting.length === 0 || session === undefined) return;
    const isSweep = ({ sweep }: PendingOrder): boolean => sweep !== undefined;
    const names = waiting.filter((order) => !isSweep(order));
    const sweeps = this.#closing.signal.aborted ? [] : waiting.filter(isSweep);
    if (names.length > 0)
      this.#names ??= this.#run(names, session).finally(() => {
        this.#names = undefined;
      });
    if (sweeps.length > 0)
      this.#sweeps ??= this.#run(sweeps, session).finally(() => {
        this.#sweeps = undefined;
      });
  }

  /**
   * Delivers these orders, oldest first. One that L2 refuses stays pending, and holds up none of the others. The attempt ends
   * when L2 is away or tells another history: a later heartbeat begins the next one.
   */
  async #run(orders: readonly PendingOrder[], session: Session): Promise<void> {
    for (const order of orders) {
      if (this.#isClosed || !isSameHistory(this.#session, session)) return;
      try {
        if (await this.#deliver(order, session)) this.#settle(order, session);
      } catch (error) {
        if (order.sweep === undefined && isAway(error)) return;
        if (isUnavailable(error)) return;
        this.#report(order, error);
      }
      if (order.sweep?.isHopeless) this.#widen(order);
    }
  }

  /** Resolves with `true` once L2 has acknowledged the order. */
  async #deliver(order: PendingOrder, session: Session): Promise<boolean> {
    const { clock } = this.#context;
    if (order.sweep !== undefined) {
      const limits = { until: clock.now() + SWEEP_BUDGET_MS, signal: this.#closing.signal };
      if (!(await order.sweep.goOn(clock, this.#tier, session, limits))) return false;
    }
    const budgetMs = this.#budgetMs * piecesOf(order.targets);
    await withTimeout(clock, budgetMs, deliver(this.#context, this.#tier, session, order));
    return true;
  }

  /** Ends an order that L2 has acknowledged. An acknowledgement in a former history counts for nothing. */
  #settle(order: PendingOrder, session: Session): void {
    const { pending, emit } = this.#context;
    if (!isSameHistory(this.#session, session)) return;
    pending.settle(order);
    if (pending.waiting().length === 0) emit({ type: 'invalidation_delivered' });
    if (!this.isOwing) this.#finished?.resolve();
  }

  /**
   * The whole namespace ends here as well, in the same step: a generation that this process remembers of its tag would be
   * another one than that of L2 from now on.
   */
  #widen(order: PendingOrder): void {
    const { pending, recorder, recent, emit } = this.#context;
    const wide = pending.widen(order);
    if (wide === undefined) return;
    applyLocally(this.#context, wide.targets, wide.mode);
    recent.note(wide.targets, 'here');
    emit({ type: 'invalidated', targets: wide.targets, origin: 'here' });
    const { keys, tags, all } = (recorder ?? pending).summary();
    emit({ type: 'invalidation_pending', keys, tags, all, outbox: false });
    this.#begin();
  }

  /** Reports the first refusal of an order, and none of the later ones. */
  #report(order: PendingOrder, error: unknown): void {
    if (!order.wasRefused)
      this.#context.emit({ type: 'tier_failure', error, operation: 'invalidate', tier: 'l2', background: true });
    order.wasRefused = true;
  }
}

/** Estimates the duration of one attempt. A closed connection gets none. */
function attemptMs({ isConnected, heartbeatMs }: LastChance): number {
  return isConnected ? Math.min(2 * heartbeatMs, LAST_ORDERS_MS) : 0;
}

function isAway(error: unknown): boolean {
  return error instanceof TimeoutExceeded || isUnavailable(error);
}
