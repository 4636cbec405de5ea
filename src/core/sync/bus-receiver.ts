import type { BusMessage, HeartbeatEcho, Invalidation } from '../model/invalidation.ts';
import type { BusListener } from '../ports/bus.ts';
import { RemoteError } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import { applyLocally, forgetEverything } from '../write/apply-locally.ts';

/** The shortest time between two resyncs. A flood on the bus must not keep it busy with clearing (race 60). */
const RESYNC_EVERY_MS = 100;

/** Patterns that are applied in that time. Each looks at every entry of L1; more than these cost more than clearing it. */
const MOST_PATTERNS = 10;

/** An alarm is raised once, and again only after its cause has been absent for this long. */
const ALARM_EVERY_MS = 60_000;

/** So many gaps and messages of another form in a second do not come from a network: another program publishes here. */
const FLOOD = 50;

const FLOOD_SECOND_MS = 1_000;

const FLOODED =
  `More than ${FLOOD} messages a second on the invalidation channel do not follow each other or are of another form: another ` +
  'program publishes there. L1 is suspended meanwhile, and L2 is read';

/** The calls by which the receiver informs the heartbeat loop. */
export interface HeartbeatLink {
  /** Returns the time at which this instance sent the heartbeat with this nonce, if it sent it lately. */
  sentAt(nonce: string): number | undefined;
  /** Reports that a heartbeat sent at that time has come back. The first one after an outage clears L1. */
  echoed(sentAt: number): void;
  /** Asks for a heartbeat now, instead of at the next beat. */
  hurry(): void;
  subscribed(): void;
  unsubscribed(error: Error | undefined): void;
}

/** Applies each message of this instance's one ordered subscription stream. */
export class BusReceiver implements BusListener {
  readonly #context: CacheContext;
  readonly #heartbeat: HeartbeatLink;
  #nextResyncAt = Number.NEGATIVE_INFINITY;
  #nextDistrustAt = Number.NEGATIVE_INFINITY;
  #nextAlarmAt = Number.NEGATIVE_INFINITY;
  #strange = 0;
  #strangeSince = Number.NEGATIVE_INFINITY;
  #patterns = 0;
  #patternsSince = Number.NEGATIVE_INFINITY;

  constructor(context: CacheContext, heartbeat: HeartbeatLink) {
    this.#context = context;
    this.#heartbeat = heartbeat;
  }

  /** Keeps what is known. The number of the first message after this shows if one was missed meanwhile. */
  onSubscribed(): void {
    this.#heartbeat.subscribed();
  }

  onUnsubscribed(error: Error | undefined): void {
    this.#heartbeat.unsubscribed(error);
  }

  onMalformed(reason: string, isGap = false): void {
    const { counters, emit } = this.#context;
    counters.busMalformed += 1;
    emit({ type: 'bus_malformed', reason });
    if (!isGap) {
      this.#watchFlood();
      return;
    }
    counters.busGaps += 1;
    this.#alarm(reason);
    this.#clear();
  }

  /** A message that cannot be applied may have named anything: it counts as lost, and those after it are taken. */
  onMessage(message: BusMessage): void {
    this.#context.counters.busMessages += 1;
    try {
      if (message.kind === 'heartbeat') this.#takeHeartbeat(message);
      else this.#takeInvalidation(message);
    } catch (error) {
      this.#context.flights.poisonAll();
      this.#clear();
      this.#context.emit({ type: 'tier_failure', error, operation: 'message', tier: 'l2', background: true });
    }
  }

  #takeHeartbeat({ nonce, epoch, sequence }: HeartbeatEcho): void {
    const sentAt = this.#heartbeat.sentAt(nonce);
    // Another instance sent it, or this instance sent it too long ago.
    if (sentAt === undefined) return;
    this.#watchEpoch(epoch);
    const { proof } = this.#context;
    const { seen } = proof;
    const owesResync = proof.isSuspended && this.#mayClear;
    if (owesResync) this.#clear();
    if (!proof.takeHeartbeat(epoch, sequence, sentAt) && !owesResync) this.#resync(seen, sequence);
    this.#heartbeat.echoed(sentAt);
  }

  #takeInvalidation(message: Invalidation): void {
    const { epoch, sequence, targets, mode, origin } = message;
    const { proof, instance, emit } = this.#context;
    this.#watchEpoch(epoch);
    const { seen } = proof;
    if (!proof.takeInvalidation(epoch, sequence)) this.#resync(seen, sequence);
    // This instance applied its own order before it sent it, and the order stood in for L2 until then. Flights that began
    // since are newer, and poisoning them would only cost a load.
    if (origin === instance) return;
    const isTooMuch = targets.pattern !== undefined && this.#isOneTooMany();
    const { ids, tags } = targets;
    applyLocally(this.#context, isTooMuch ? { ids, tags } : targets, mode, { epoch, sequence });
    if (isTooMuch) this.#clear();
    this.#context.recent.note(targets, 'elsewhere');
    emit({ type: 'invalidated', targets, origin: 'elsewhere' });
  }

  /** Reports that a message was lost. L1 serves no value as proven that may be older than that message. */
  #resync(expected: number | undefined, got: number): void {
    const { counters, emit } = this.#context;
    if (expected !== undefined) {
      counters.busGaps += 1;
      emit({ type: 'bus_gap', expected, got });
      this.#watchFlood();
    }
    this.#clear(expected !== undefined);
  }

  /** Counts one more message that does not follow the one before, or says nothing. */
  #watchFlood(): void {
    const now = this.#context.clock.now();
    if (now - this.#strangeSince >= FLOOD_SECOND_MS) {
      this.#strangeSince = now;
      this.#strange = 0;
    }
    this.#strange += 1;
    if (this.#strange > FLOOD) this.#alarm(FLOODED);
  }

  #alarm(reason: string): void {
    const { clock, emit } = this.#context;
    const isNews = clock.now() >= this.#nextAlarmAt;
    this.#nextAlarmAt = clock.now() + ALARM_EVERY_MS;
    if (isNews) emit({ type: 'alarm', error: new RemoteError('error', reason) });
  }

  /** Counts one more pattern. */
  #isOneTooMany(): boolean {
    const now = this.#context.clock.now();
    if (now - this.#patternsSince >= RESYNC_EVERY_MS) {
      this.#patternsSince = now;
      this.#patterns = 0;
    }
    this.#patterns += 1;
    return this.#patterns > MOST_PATTERNS;
  }

  get #mayClear(): boolean {
    return this.#context.clock.now() >= this.#nextResyncAt;
  }

  /**
   * One step: nothing survives it that may be older than a lost message. At most one is taken in {@link RESYNC_EVERY_MS}. A
   * message that is lost sooner suspends L1, and the first heartbeat after that time takes the step.
   * @param isNews Not for the first number that this instance hears: nothing was known before it.
   */
  #clear(isNews = true): void {
    const { clock, proof, emit } = this.#context;
    const now = clock.now();
    if (this.#mayClear) {
      this.#nextResyncAt = now + RESYNC_EVERY_MS;
      proof.resume();
      forgetEverything(this.#context);
      this.#heartbeat.hurry();
      if (isNews) emit({ type: 'bus_resync' });
    } else if (!proof.isSuspended) {
      proof.suspend();
      clock.after(this.#nextResyncAt - now, () => this.#heartbeat.hurry());
    }
  }

  /**
   * Stops reading L2 when a message names another epoch than the one in use, until a heartbeat finds out whether it is true.
   * This happens at most once in D. Otherwise any publisher could keep L2 from being read.
   */
  #watchEpoch(epoch: string): void {
    const { l2, clock, maxLagMs } = this.#context;
    if (l2?.session === undefined || l2.session.epoch === epoch) return;
    const now = clock.now();
    if (now < this.#nextDistrustAt) return;
    this.#nextDistrustAt = now + maxLagMs;
    l2.distrust();
    this.#heartbeat.hurry();
  }
}
