import type { Targets } from '../model/invalidation.ts';
import { assertId, type EntryId } from '../model/key.ts';
import type { Outbox, OutboxRow, Undelivered } from '../ports/outbox.ts';
import { RemoteError, type Session } from '../ports/remote-tier.ts';
import { PeriodicTask } from '../primitives/periodic-task.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';
import { applyLocally } from '../write/apply-locally.ts';
import { deliver, piecesOf } from '../write/deliver.ts';
import { LOOKS_PER_BOUND, listenerOf, lookEveryMs } from './outbox-polling.ts';
import type { Demand, Recovery } from './recovery.ts';

/** The pause after a look that found rows or was asked for. More rows may be there without a notification. */
const NEXT_LOOK_MS = 50;

/** A leader that could deliver nothing for this long lets another instance try. */
const GIVE_UP_MS = 3_000;

/** Longest pause while the source cannot be asked. */
const LONGEST_PAUSE_MS = 2_000;

/** The most by which clocks of two servers differ, and the record of the last heartbeat is older than the data. */
const MARGIN_MS = 60_000;

/** A repaired generation counts only if its last pass began within this time. Later rows are due soon. */
const REPAIRED_WITHIN_MS = 1_000;

/** The health of the relay. */
export interface RelayHealth {
  /** True when this instance is the one that delivers. */
  readonly leads: boolean;
  /** The age in milliseconds of the oldest row that is due; `undefined` while this instance does not look. */
  readonly lagMs: number | undefined;
  /** True when the last look succeeded. */
  readonly healthy: boolean;
}

/**
 * Delivers to L2 the changes that no writer delivers. Such a writer does not know of the cache, has died, or could not
 * reach L2. One instance leads. It delivers each row at least once: a row that was not marked is delivered again. The
 * relay does not use `GuardedL2.ask`, as the heartbeat does not: `ask` refuses questions while L2 is being repaired.
 */
export class Relay {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #outbox: Outbox;
  readonly #recovery: Recovery;
  readonly #deadlineMs: number;
  readonly #onRepaired: () => void;
  readonly #looks: PeriodicTask;
  /** The origin of the relay's messages. This instance applies them too: it has applied none of these orders. */
  readonly #origin: string;
  #leads = false;
  #lagMs: number | undefined;
  #failures = 0;
  /** True after the outbox has told of new rows. */
  #isAsked = false;
  #reachableAt = Number.NEGATIVE_INFINITY;

  /**
   * @param answerMs The time that L2 may take for one answer.
   * @param onRepaired Called when L2 has been repaired, so that the heartbeat loop looks at once.
   */
  constructor(
    context: CacheContext,
    l2: GuardedL2,
    outbox: Outbox,
    recovery: Recovery,
    answerMs: number,
    onRepaired: () => void,
  ) {
    this.#context = context;
    this.#l2 = l2;
    this.#outbox = outbox;
    this.#recovery = recovery;
    this.#deadlineMs = Math.max(answerMs, context.maxLagMs / LOOKS_PER_BOUND / 2);
    this.#onRepaired = onRepaired;
    this.#looks = new PeriodicTask(context.clock, () => this.#look());
    this.#origin = `${context.instance}:relay`;
  }

  get health(): RelayHealth {
    return { leads: this.#leads, lagMs: this.#lagMs, healthy: this.#failures === 0 };
  }

  start(): void {
    const { onChange, onError } = listenerOf(this.#context, this.#looks);
    this.#outbox.start({
      onError,
      onChange: () => {
        this.#isAsked = true;
        onChange();
      },
    });
    this.#looks.start();
  }

  /** Reports that a heartbeat was answered, which may ask for a mark or for a repair. */
  heartbeat(): void {
    const { kind } = this.#recovery.demand;
    if (kind === 'mark' || kind === 'repair') this.#looks.wake();
  }

  /** Ends the look under way. The outbox stays open, because the last acknowledgements must still be written. */
  close(): Promise<void> {
    return this.#looks.close();
  }

  async #look(): Promise<number> {
    const { maxLagMs, random } = this.#context;
    const every = lookEveryMs(maxLagMs);
    const before = this.#context.counters.relayed;
    const wasAsked = this.#isAsked;
    this.#isAsked = false;
    try {
      await this.#work();
      this.#failures = 0;
      if (wasAsked || this.#context.counters.relayed > before) return Math.min(NEXT_LOOK_MS, every);
    } catch (error) {
      this.#report(error);
      this.#failures += 1;
    }
    return (
      Math.min(every * 2 ** Math.min(this.#failures, 10), Math.max(every, LONGEST_PAUSE_MS)) * (1 - random.next() / 4)
    );
  }

  async #work(): Promise<void> {
    // Heartbeats alone decide. The state of the breaker does not: L1 is proven and answers while the breaker is open.
    const { demand } = this.#recovery;
    if (demand.kind === 'away') return this.#standBack();
    this.#reachableAt = this.#context.clock.now();
    const { leads, lagMs, mustRenew } = await this.#outbox.lead(demand.identity);
    this.#leads = leads;
    this.#lagMs = lagMs;
    if (!leads) return;
    if (mustRenew) return this.#renew(demand);
    await this.#fulfil(demand);
    await this.#outbox.prune();
  }

  /** Begins an empty generation, because the outbox cannot say which changes this cache has missed. */
  async #renew(demand: Exclude<Demand, { kind: 'away' }>): Promise<void> {
    const [epoch, present] =
      demand.kind === 'repair' ? [demand.epoch, undefined] : [demand.session.epoch, demand.session.generation];
    await this.#begin(epoch, present);
    await this.#outbox.renewed();
    this.#looks.wake();
  }

  /** Begins a fresh generation, which holds nothing old. Before that, L1 loses what undelivered rows name. */
  async #begin(epoch: string, replaces: string | undefined): Promise<void> {
    const fresh = this.#context.random.token();
    await this.#pass('all', { epoch, generation: replaces ?? fresh }, true);
    await this.#withTimeout(this.#l2.tier.agreeGeneration(epoch, fresh, replaces, this.#recovery.term));
    this.#onRepaired();
  }

  #fulfil(demand: Exclude<Demand, { kind: 'away' }>): Promise<void> {
    switch (demand.kind) {
      case 'due':
        return this.#pass('due', demand.session);
      case 'mark':
        return this.#leaveMark(demand);
      case 'repair':
        return this.#repairHistory(demand);
    }
  }

  /** Gives up the lead. An instance that cannot reach L2 does not compete for it, and does not keep it for long. */
  async #standBack(): Promise<void> {
    this.#lagMs = undefined;
    await this.#outbox.prune();
    if (!this.#leads || this.#context.clock.now() - this.#reachableAt < GIVE_UP_MS) return;
    this.#leads = false;
    await this.#outbox.resign();
  }

  /** Delivers all rows that were committed when the mark was requested. Their writers may deliver them too. */
  async #leaveMark({ session, wanted }: Extract<Demand, { kind: 'mark' }>): Promise<void> {
    await this.#pass('all', session);
    await this.#withTimeout(this.#l2.tier.leaveMark(session.epoch, wanted));
    this.#onRepaired();
  }

  /**
   * Repairs the entries that a new history has brought along, under the generation of its last heartbeat. The relay removes
   * those that rows committed since then name, and the rest count again. If more may be missing than the outbox still knows,
   * a fresh generation begins.
   */
  async #repairHistory({ epoch, time, last }: Extract<Demand, { kind: 'repair' }>): Promise<void> {
    const { tier } = this.#l2;
    const gapMs = last === undefined ? Infinity : time - last.time;
    if (last === undefined || gapMs < -MARGIN_MS || gapMs > this.#outbox.windowMs - MARGIN_MS) {
      return this.#begin(epoch, undefined);
    }
    const session = { epoch, generation: last.generation };
    // A row that is marked meanwhile moves from undelivered to delivered. Neither pass may miss it.
    await this.#pass('all', session, true);
    await this.#redeliver(session);
    for (;;) {
      const { demand } = this.#recovery;
      if (demand.kind !== 'repair' || demand.epoch !== epoch || this.#looks.isClosed) return;
      await this.#pass('all', session, true);
      const { time: since, wanted: mark } = demand;
      const repaired = { ...session, since, withinMs: REPAIRED_WITHIN_MS, mark, after: this.#recovery.term };
      if ((await this.#withTimeout(tier.adoptGeneration(repaired))) !== undefined) return this.#onRepaired();
    }
  }

  /** Delivers again all rows that the outbox remembers as delivered. */
  async #redeliver(session: Session): Promise<void> {
    let after: string | undefined;
    while (!this.#looks.isClosed) {
      const rows = await this.#outbox.delivered(this.#outbox.windowMs, after);
      if (rows.length === 0) return;
      await this.#deliver(rows, session, true);
      after = rows.at(-1)?.id;
    }
  }

  /** Delivers rows until none is left. A row is marked only after L2 has acknowledged it. */
  async #pass(which: Undelivered, session: Session, isRepair = false): Promise<void> {
    for (;;) {
      const rows = await this.#outbox.undelivered(which);
      if (rows.length === 0 || this.#looks.isClosed) return;
      await this.#deliver(rows, session, isRepair);
      await this.#outbox.settle(rows.map(({ id }) => id));
      this.#context.counters.relayed += rows.length;
    }
  }

  /** Delivers rows in as few orders as possible. A name that many rows have is sent once. */
  async #deliver(rows: readonly OutboxRow[], session: Session, isRepair: boolean): Promise<void> {
    const { tier } = this.#l2;
    for (const [mode, group] of Map.groupBy(rows, (row) => row.mode)) {
      const targets = this.#namedBy(group);
      const told = deliver({ instance: this.#origin }, tier, session, { targets, mode }, isRepair);
      await this.#withTimeout(told, piecesOf(targets));
      if (!this.#context.hasBus) applyLocally(this.#context, targets, mode);
    }
  }

  #namedBy(rows: readonly OutboxRow[]): Targets {
    const collect = (of: (targets: Targets) => readonly EntryId[]): EntryId[] =>
      [...new Set(rows.flatMap(({ targets }) => of(targets)))].filter((name) => this.#isName(name));
    return { ids: collect(({ ids }) => ids), tags: collect(({ tags }) => tags) };
  }

  /** True for a valid name. An invalid one is in no tier, and must not hold up the rows after it. */
  #isName(id: EntryId): boolean {
    try {
      assertId(id);
      return true;
    } catch (error) {
      this.#context.emit({ type: 'tier_failure', error, operation: 'relay', tier: 'source', background: true });
      return false;
    }
  }

  #withTimeout<T>(work: Promise<T>, times = 1): Promise<T> {
    return withTimeout(this.#context.clock, this.#deadlineMs * times, work);
  }

  /** Reports the first failure of an outage, and none of those that follow it. */
  #report(error: unknown): void {
    if (this.#failures > 0) return;
    // The heartbeat loop reports failures of L2.
    if (error instanceof RemoteError || error instanceof TimeoutExceeded) return;
    this.#context.emit({ type: 'tier_failure', error, operation: 'relay', tier: 'source', background: true });
  }
}
