import type { RemoteListener, Session } from '../ports/remote-tier.ts';
import { BudgetExceeded, within } from '../primitives/timeout.ts';
import type { Parts } from '../state/context.ts';
import type { Remote } from '../tiers/guarded-l2.ts';
import { cleanAll } from '../write/apply-locally.ts';
import { Announcer } from './availability.ts';
import { BusReceiver, type HeartbeatLink } from './bus-receiver.ts';
import { BusWatch } from './bus-watch.ts';
import { type Connections, closeConnections, guarded, startConnections, tellFailure } from './connections.ts';
import { Pulse, SentBeats } from './heartbeat-schedule.ts';
import type { HeartTerms } from './heartbeat-terms.ts';
import { IdleWatch } from './idle-watch.ts';
import { Readiness } from './readiness.ts';
import type { Judgement } from './recovery.ts';

/** Heartbeats per bound D: with three, one may get lost without L1 being suspended. */
const BEATS_PER_BOUND = 3;

/** Between two heartbeats, however urgent the second is. */
const SHORTEST_PAUSE_MS = 10;

/** Bounds D without a call, after which heartbeats rest until the next one. */
const BOUNDS_TO_REST = 10;

/** While L2 answers and is not believed yet: how often to look. */
const REPAIR_POLL_MS = 100;

/** A repair that takes longer waits for something that is away. */
const REPAIR_LASTS_MS = 1_000;

/**
 * Keeps finding out whether L2 answers, which history it tells, and whether the bus carries: everything else acts on
 * what this loop has learnt. While the breaker is open its heartbeat is the one trial that is allowed.
 */
export class Heart implements HeartbeatLink, RemoteListener {
  readonly #parts: Parts;
  readonly #remote: Remote;
  readonly #terms: HeartTerms;
  readonly #pulse: Pulse;
  readonly #deadlineMs: number;
  readonly #sent = new SentBeats();
  #loop: Promise<void> | undefined;
  #wake: () => void = () => {};
  #hurried = false;
  #closed = false;
  #connected = false;
  #resting = false;
  readonly #use: IdleWatch;
  #lastAccepted: number | undefined;
  #knownEpoch: string | undefined;
  #lastSession: Session | undefined;
  #isSubscribed = false;
  readonly #busWatch: BusWatch;
  readonly #announcer: Announcer;
  readonly #readiness: Readiness;

  constructor(parts: Parts, remote: Remote, terms: HeartTerms) {
    this.#parts = parts;
    this.#remote = remote;
    this.#terms = terms;
    const { answerMs } = terms;
    this.#use = new IdleWatch(parts.clock.now());
    this.#announcer = new Announcer(parts, remote);
    this.#readiness = new Readiness(parts.clock, () => this.isReady);
    const everyMs = parts.maxLagMs / BEATS_PER_BOUND;
    this.#pulse = new Pulse(parts.clock, remote.breaker, everyMs, answerMs);
    // A heartbeat may take as long as any call, and no longer than half the time to the next one otherwise.
    this.#deadlineMs = Math.max(everyMs / 2, answerMs);
    this.#busWatch = new BusWatch(2 * everyMs + this.#deadlineMs);
  }

  start(): void {
    startConnections(this.#parts, this.#connections, this, new BusReceiver(this.#parts, this));
    this.#loop = this.#run();
  }

  get #connections(): Connections {
    return { tier: this.#remote.tier, bus: this.#terms.bus };
  }

  /** Whether L2 is in use and, with a bus, L1 is proven. */
  get isReady(): boolean {
    return this.#remote.session !== undefined && this.#parts.proof.isProven(this.#parts.clock.now());
  }

  /** Whether heartbeats rest because nobody uses the cache: its proof has lapsed, and the next call renews it. */
  get isResting(): boolean {
    return this.#resting;
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  get isSubscribed(): boolean {
    return this.#isSubscribed;
  }

  /** The host has slept: as after an outage, others may have owed what they could not number. */
  awoke(): void {
    this.#terms.repair.missed();
    this.hurry();
  }

  /** Resolves with {@link isReady} as soon as it is true, or when the time is over. */
  ready(timeoutMs: number): Promise<boolean> {
    if (this.isReady || this.#closed) return Promise.resolve(this.isReady);
    if (this.#resting) this.hurry();
    return this.#readiness.wait(timeoutMs);
  }

  /** Never rejects: what a connection has to say of its end goes to the observers. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#remote.contact.end();
    this.hurry();
    await this.#loop;
    await this.#terms.delivery.close();
    this.#readiness.end();
    await closeConnections(this.#parts, this.#connections);
  }

  // What the connection says.

  onConnect(): void {
    this.#connected = true;
    this.#pulse.connected();
    this.hurry();
  }

  onDisconnect(error: Error | undefined): void {
    this.#connected = false;
    this.#remote.distrust();
    if (error !== undefined) tellFailure(this.#parts, 'connect', error);
    this.hurry();
  }

  onAlarm(error: Error): void {
    this.#parts.emit({ type: 'alarm', error });
  }

  // What the subscription says.

  sentAt(nonce: string): number | undefined {
    return this.#sent.at(nonce);
  }

  echoed(sentAt: number): void {
    this.#busWatch.heard();
    this.accept(sentAt);
  }

  accept(sentAt: number): void {
    const last = this.#lastAccepted;
    this.#lastAccepted = Math.max(sentAt, last ?? sentAt);
    // While this instance was cut off, others may have owed invalidations that they could not number: an unchanged
    // number says nothing about those, so what is here from before goes. Heartbeats that were sent meanwhile may all be
    // answered together at the end: what counts is when the first of them is.
    if (last !== undefined && this.#parts.clock.now() - last > this.#parts.maxLagMs) {
      this.#forget();
      this.#terms.repair.missed();
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
    if (error !== undefined) tellFailure(this.#parts, 'subscribe', error);
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

  /** Whether nobody has used the cache for so long that its proof may lapse: whoever comes next waits for one beat. */
  #isIdle(): boolean {
    const { clock, counters, pending, maxLagMs } = this.#parts;
    const idleMs = this.#use.idleMs(counters.activity, clock.now());
    // With an outbox somebody must hear of those who come back, and of what they need.
    const isNeeded = this.#terms.repair.hasOutbox || !pending.isEmpty || this.#parts.flights.size > 0;
    const isInUse = this.#hurried || isNeeded || !this.isReady || this.#pulse.isRecovering;
    return !isInUse && idleMs > BOUNDS_TO_REST * maxLagMs;
  }

  /** Waits until the next beat is due; `hurry` cuts it short, unless the breaker says when the next trial is. */
  #pause(ms: number): Promise<void> {
    if (this.#closed || ms <= 0) return Promise.resolve();
    const { clock } = this.#parts;
    if (ms === Infinity) {
      this.#resting = true;
      this.#announcer.expectLapse();
      this.#remote.contact.await(() => this.hurry());
    }
    // What hurries again and again (a storm of gaps) must not become a storm of heartbeats.
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
    return this.#connected && this.#pulse.mayHurry;
  }

  #pauseMs(): number {
    if (this.#hurried && this.#mayHurry()) return SHORTEST_PAUSE_MS;
    const ms = this.#pulse.pauseMs(this.#connected);
    return this.#terms.repair.isWaiting && this.#remote.breaker.isAnswering ? Math.min(REPAIR_POLL_MS, ms) : ms;
  }

  async #beat(): Promise<void> {
    if (!this.#pulse.begin()) return;
    try {
      await this.#exchange();
      this.#pulse.answered(this.#remote.latencyMs ?? 0);
      this.#announcer.forgetDenial();
      this.#watchBus();
    } catch (error) {
      this.#report(error);
      this.#pulse.missed();
      if (this.#pulse.isLost) this.#remote.contact.end();
      if (this.#connected && this.#pulse.isSuspect)
        this.#parts.background.track(guarded(this.#parts, 'reset', () => this.#remote.tier.reset()));
    }
  }

  async #exchange(): Promise<void> {
    const { clock, random, instance } = this.#parts;
    const { tier } = this.#remote;
    const nonce = random.token();
    const sentAt = clock.now();
    this.#sent.add(nonce, sentAt);
    const { repair } = this.#terms;
    const asks = repair.wantsMark(this.#lastAccepted, sentAt);
    const believed = asks ? undefined : repair.believed;
    const deadlineMs = this.#deadlineMs + this.#remote.traffic.queuedMs;
    const heartbeat = await within(clock, deadlineMs, tier.heartbeat(instance, nonce, asks, believed));
    // The answer may have waited here while the host slept: it tells of a world of before.
    if (this.#parts.proof.hasSleptSince(sentAt)) return this.hurry();
    this.#remote.learn(heartbeat, sentAt, clock.now());
    this.#watchEpoch(heartbeat.epoch);
    this.#parts.recorder?.heartbeat(heartbeat.epoch, sentAt);
    this.accept(sentAt);
    const judgement = await within(clock, this.#deadlineMs, repair.judge(heartbeat, asks, tier));
    this.#terms.onBeat();
    this.#take(judgement);
  }

  /**
   * What is owed is delivered as soon as there is a history to deliver it in, and that history is read once it is repaired.
   * Neither waits for the other: what is owed stands in for L2 until it is delivered.
   */
  #take({ session, isRepaired, answersFlagged, isCrowded = false }: Judgement): void {
    this.#announcer.sayIfCrowded(isCrowded);
    if (!isRepaired) this.#remote.distrust();
    if (session === undefined) return;
    this.#leaveOther(session);
    this.#terms.delivery.heartbeat(session);
    if (!this.#connected) return;
    if (isRepaired) this.#remote.believe(session);
    else if (answersFlagged) this.#readFlagged(session);
  }

  /** A repair is mostly a matter of moments, for which callers wait after the start: it is over with those when it lasts. */
  #readFlagged(session: Session): void {
    this.#remote.readFlagged(session);
    if (this.#terms.repair.waitedMs > REPAIR_LASTS_MS) this.#remote.contact.end();
  }

  /**
   * What is owed is delivered in the new history, and stops standing in for L2 here as soon as it is: nothing may be
   * read in the old one by then. What is known of tags belongs to it too. For another epoch that is done already.
   */
  #leaveOther(session: Session): void {
    const last = this.#lastSession;
    this.#lastSession = session;
    if (last?.epoch !== session.epoch || last.generation === session.generation) return;
    this.#remote.distrust();
    this.#forget();
  }

  #watchEpoch(epoch: string): void {
    const from = this.#knownEpoch;
    this.#knownEpoch = epoch;
    if (from === undefined || from === epoch) return;
    this.#remote.distrust();
    this.#forget();
    this.#parts.emit({ type: 'epoch_changed', from, to: epoch });
  }

  /** A subscription that is open while heartbeats do not come back on it carries nothing. */
  #watchBus(): void {
    if (this.#terms.bus === undefined || !this.#isSubscribed) return;
    if (!this.#busWatch.answered(this.#parts.clock.now())) return;
    this.#isSubscribed = false;
    this.#parts.background.track(guarded(this.#parts, 'reset', () => this.#terms.bus?.reset()));
  }

  #forget(): void {
    cleanAll(this.#parts);
    this.#parts.emit({ type: 'bus_resync' });
  }

  /** A heartbeat that failed while L2 was in use is news; during an outage it is not. */
  #report(error: unknown): void {
    this.#announcer.sayIfDenied(error);
    if (!this.#pulse.isMissNews || !this.#connected) return;
    const timedOut = error instanceof BudgetExceeded;
    if (timedOut) this.#parts.emit({ type: 'l2_timeout', operation: 'heartbeat', durationMs: error.budgetMs });
    tellFailure(this.#parts, 'heartbeat', error);
  }

  /** Tells the world what has changed, and those who wait that there is nothing more to wait for. */
  announce(): void {
    this.#announcer.say(this.#connected);
    this.#readiness.look();
  }
}
