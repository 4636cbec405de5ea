import type { RemoteListener, Session } from '../ports/remote-tier.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';
import { forgetEverything } from '../write/apply-locally.ts';
import { AvailabilityReporter } from './availability.ts';
import { BusReceiver, type HeartbeatLink } from './bus-receiver.ts';
import { BusWatch } from './bus-watch.ts';
import { type Connections, closeConnections, guarded, startConnections, tellFailure } from './connections.ts';
import { HeartbeatSchedule, SentHeartbeats } from './heartbeat-schedule.ts';
import type { HeartbeatTerms } from './heartbeat-terms.ts';
import { HistoryWatch } from './history-watch.ts';
import { IdleWatch } from './idle-watch.ts';
import type { LastChance } from './pending-delivery.ts';
import { Readiness } from './readiness.ts';
import type { Judgement } from './recovery.ts';

/** Heartbeats per bound D: with three, one may get lost without L1 being suspended. */
const BEATS_PER_BOUND = 3;

/** The shortest pause between two heartbeats, however urgent the second one is. */
const SHORTEST_PAUSE_MS = 10;

/** Bounds D without a call, after which heartbeats rest until the next one. */
const BOUNDS_TO_REST = 10;

/** The pause between two heartbeats while L2 answers and this instance does not use it yet. */
const REPAIR_POLL_MS = 100;

/** A subscription counts as away if it has carried nothing this long after the start. */
const ECHO_WITHIN_MS = 1_000;

/** Callers wait no longer than this for a repair. A longer one waits for a server that is away. */
const REPAIR_LASTS_MS = 1_000;

/**
 * Finds out again and again if L2 answers, which history L2 is in, and if the bus carries messages. All other parts act
 * on what this loop has learnt. While the breaker is open, its heartbeat is the one trial that the breaker allows.
 */
export class HeartbeatLoop implements HeartbeatLink, RemoteListener {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #terms: HeartbeatTerms;
  readonly #schedule: HeartbeatSchedule;
  readonly #deadlineMs: number;
  readonly #sent = new SentHeartbeats();
  #loop: Promise<void> | undefined;
  #wake: () => void = () => {};
  #hurried = false;
  #closed = false;
  #connected = false;
  #resting = false;
  readonly #use: IdleWatch;
  #lastAccepted: number | undefined;
  readonly #startedAt: number;
  readonly #history: HistoryWatch;
  #isSubscribed = false;
  readonly #busWatch: BusWatch;
  readonly #reporter: AvailabilityReporter;
  readonly #readiness: Readiness;

  constructor(context: CacheContext, l2: GuardedL2, terms: HeartbeatTerms) {
    this.#context = context;
    this.#l2 = l2;
    this.#terms = terms;
    const { answerMs } = terms;
    this.#startedAt = context.clock.now();
    this.#use = new IdleWatch(this.#startedAt);
    this.#history = new HistoryWatch(context, l2, () => this.#forget());
    this.#reporter = new AvailabilityReporter(context, l2);
    this.#readiness = new Readiness(context.clock, () => this.isReady);
    const everyMs = context.maxLagMs / BEATS_PER_BOUND;
    this.#schedule = new HeartbeatSchedule(context.clock, l2.breaker, everyMs, answerMs);
    // A heartbeat may take as long as any call, and no longer than half the time to the next one otherwise.
    this.#deadlineMs = Math.max(everyMs / 2, answerMs);
    this.#busWatch = new BusWatch(2 * everyMs + this.#deadlineMs, terms.bus && this.#startedAt + ECHO_WITHIN_MS);
  }

  start(): void {
    startConnections(this.#context, this.#connections, this, new BusReceiver(this.#context, this));
    this.#loop = this.#run();
  }

  get #connections(): Connections {
    return { tier: this.#l2.tier, bus: this.#terms.bus };
  }

  /** True while L2 is in use and, with a bus, L1 is proven. */
  get isReady(): boolean {
    return this.#l2.session !== undefined && this.#context.proof.isProven(this.#context.clock.now());
  }

  /** True while heartbeats rest because no caller uses the cache. Its proof has lapsed, and the next call renews it. */
  get isResting(): boolean {
    return this.#resting;
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  /** Reports that the host has slept. As after an outage, peers may hold invalidations that have no number yet. */
  awoke(): void {
    this.#terms.recovery.missed();
    this.hurry();
  }

  /** Resolves with {@link isReady} as soon as it is true, or when the time is over. */
  ready(timeoutMs: number): Promise<boolean> {
    if (this.isReady || this.#closed) return Promise.resolve(this.isReady);
    if (this.#resting) this.hurry();
    return this.#readiness.wait(timeoutMs);
  }

  /**
   * Delivers pending orders while L2 may answer, and closes the connections. It never rejects: observers hear
   * the errors of a connection that ends.
   * @param until When delivering must have ended, by the clock.
   */
  async close(until = Infinity): Promise<void> {
    const { delivery } = this.#terms;
    this.#l2.readiness.end();
    await delivery.finish({ ...this.#chance, until }, () => {
      this.#schedule.connected();
      this.hurry();
    });
    this.#closed = true;
    this.hurry();
    await this.#loop;
    await delivery.close(until);
    this.#readiness.end();
    await closeConnections(this.#context, this.#connections);
  }

  get #chance(): Omit<LastChance, 'until'> {
    const silentMs = this.#context.clock.now() - (this.#lastAccepted ?? this.#startedAt);
    return { silentMs, isConnected: this.#connected, heartbeatMs: this.#deadlineMs };
  }

  // Reports of the connection.

  onConnect(): void {
    this.#connected = true;
    this.#schedule.connected();
    this.hurry();
  }

  onDisconnect(error: Error | undefined): void {
    this.#connected = false;
    this.#l2.distrust();
    if (error !== undefined) tellFailure(this.#context, 'connect', error);
    this.hurry();
  }

  onAlarm(error: Error): void {
    this.#context.emit({ type: 'alarm', error });
  }

  // Reports of the subscription.

  sentAt(nonce: string): number | undefined {
    return this.#sent.at(nonce);
  }

  echoed(sentAt: number): void {
    this.#busWatch.echoed();
    this.#l2.readiness.heardBus();
    this.accept(sentAt);
  }

  accept(sentAt: number): void {
    const last = this.#lastAccepted;
    this.#lastAccepted = Math.max(sentAt, last ?? sentAt);
    // This instance was cut off for longer than D. A peer may have been cut off too and hold invalidations that Redis has not
    // numbered yet. An unchanged number proves nothing about those, so this instance clears L1. The heartbeats of that time
    // may all be answered together at its end, and the first answer counts.
    if (last !== undefined && this.#context.clock.now() - last > this.#context.maxLagMs) {
      this.#forget();
      this.#terms.recovery.missed();
    }
    this.announce();
  }

  hurry(): void {
    this.#hurried = true;
    this.#wake();
  }

  subscribed(): void {
    this.#isSubscribed = true;
    this.#busWatch.heard();
    this.hurry();
  }

  unsubscribed(error: Error | undefined): void {
    this.#isSubscribed = false;
    if (error !== undefined) tellFailure(this.#context, 'subscribe', error);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#hurried = false;
      await this.#beat();
      this.announce();
      await this.#pause(this.#isIdle() ? Infinity : this.#pauseMs());
      this.#resting = false;
    }
  }

  /** True when no caller has used the cache for 10 D. Its proof may lapse then, and the next caller waits for one beat. */
  #isIdle(): boolean {
    const { clock, counters, pending, maxLagMs } = this.#context;
    const idleMs = this.#use.idleMs(counters.activity, clock.now());
    // With an outbox, this instance may lead the relay and must hear of peers that come back and need a mark.
    const isNeeded = this.#terms.recovery.hasOutbox || !pending.isEmpty || this.#context.flights.size > 0;
    const isInUse = this.#hurried || isNeeded || !this.isReady || this.#schedule.isRecovering;
    return !isInUse && idleMs > BOUNDS_TO_REST * maxLagMs;
  }

  /** Waits until the next beat is due; `hurry` cuts it short, unless the breaker says when the next trial is. */
  #pause(ms: number): Promise<void> {
    if (this.#closed || ms <= 0) return Promise.resolve();
    const { clock } = this.#context;
    if (ms === Infinity) {
      this.#resting = true;
      this.#reporter.expectLapse();
      this.#l2.readiness.await(() => this.hurry());
    }
    // A storm of gaps hurries again and again. It must not become a storm of heartbeats.
    const restedAt = clock.now() + SHORTEST_PAUSE_MS;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#wake = () => {};
        resolve();
      };
      let cancel = ms === Infinity ? () => {} : clock.after(ms, end);
      this.#wake = () => {
        if (this.#closed || this.#resting) return end();
        if (!this.#mayHurry()) return;
        cancel();
        cancel = clock.after(Math.max(restedAt - clock.now(), 0), end);
      };
    });
  }

  #mayHurry(): boolean {
    return this.#connected && this.#schedule.mayHurry;
  }

  #pauseMs(): number {
    if (this.#hurried && this.#mayHurry()) return SHORTEST_PAUSE_MS;
    const ms = this.#schedule.pauseMs(this.#connected);
    return this.#terms.recovery.isWaiting && this.#l2.breaker.isAnswering ? Math.min(REPAIR_POLL_MS, ms) : ms;
  }

  async #beat(): Promise<void> {
    if (!this.#schedule.begin()) return;
    try {
      await this.#exchange();
      this.#schedule.answered(this.#l2.latencyMs ?? 0);
      this.#reporter.forgetDenial();
      this.#watchBus();
    } catch (error) {
      this.#report(error);
      this.#schedule.missed();
      if (this.#schedule.isLost) this.#l2.readiness.end();
      if (this.#connected && this.#schedule.isSuspect)
        this.#context.background.track(guarded(this.#context, 'reset', () => this.#l2.tier.reset()));
    }
  }

  async #exchange(): Promise<void> {
    const { clock, random, instance } = this.#context;
    const { tier } = this.#l2;
    const nonce = random.token();
    const sentAt = clock.now();
    this.#sent.add(nonce, sentAt);
    const { recovery } = this.#terms;
    const asks = recovery.wantsMark(this.#lastAccepted, sentAt);
    const believed = asks ? undefined : recovery.believed;
    const deadlineMs = this.#deadlineMs + this.#l2.traffic.queuedMs;
    const heartbeat = await withTimeout(clock, deadlineMs, tier.heartbeat(instance, nonce, asks, believed));
    // The answer may have waited in this process while the host slept, and is out of date then.
    if (this.#context.proof.hasSleptSince(sentAt)) return this.hurry();
    this.#l2.learn(heartbeat, sentAt, clock.now());
    this.#history.tells(heartbeat.epoch);
    this.#context.recorder?.heartbeat(heartbeat.epoch, sentAt);
    this.accept(sentAt);
    const judgement = await withTimeout(clock, this.#deadlineMs, recovery.judge(heartbeat, asks, tier));
    this.#terms.onBeat();
    this.#take(judgement);
  }

  /**
   * Delivers pending orders as soon as a history exists to deliver them in, and reads that history once it is repaired.
   * Neither waits for the other, because a pending order stands in for L2 until it is delivered.
   */
  #take({ session, isRepaired, answersFlagged, isCrowded = false, hasLostPlace = false }: Judgement): void {
    this.#reporter.sayIfCrowded(isCrowded);
    if (hasLostPlace) this.#reporter.sayPlaceIsLost();
    if (!isRepaired) this.#l2.distrust();
    if (session === undefined) return;
    this.#history.uses(session);
    this.#terms.delivery.heartbeat(session);
    if (!this.#connected) return;
    if (isCrowded) this.#l2.tellOnly(session);
    else if (isRepaired) this.#l2.believe(session, !this.#busWatch.isEchoDue(this.#context.clock.now()));
    else if (answersFlagged) this.#readFlagged(session);
  }

  /** Ends the wait of callers for a repair that lasts. Most repairs after a start take moments only. */
  #readFlagged(session: Session): void {
    this.#l2.readFlagged(session);
    if (this.#terms.recovery.waitedMs > REPAIR_LASTS_MS) this.#l2.readiness.end();
  }

  /** Replaces a subscription that is open and on which no heartbeat comes back. */
  #watchBus(): void {
    if (this.#terms.bus === undefined || !this.#isSubscribed) return;
    if (!this.#busWatch.answered(this.#context.clock.now())) return;
    this.#isSubscribed = false;
    this.#context.background.track(guarded(this.#context, 'reset', () => this.#terms.bus?.reset()));
  }

  #forget(): void {
    forgetEverything(this.#context);
    this.#context.emit({ type: 'bus_resync' });
  }

  /** A heartbeat that failed while L2 was in use is news; during an outage it is not. */
  #report(error: unknown): void {
    this.#reporter.sayIfDenied(error);
    if (!this.#schedule.isMissNews || !this.#connected) return;
    const timedOut = error instanceof TimeoutExceeded;
    if (timedOut) this.#context.emit({ type: 'l2_timeout', operation: 'heartbeat', durationMs: error.budgetMs });
    tellFailure(this.#context, 'heartbeat', error);
  }

  /** Reports changes to the observers, and releases callers of {@link ready} once the cache is ready. */
  announce(): void {
    this.#reporter.say(this.#connected);
    this.#readiness.look();
  }
}
