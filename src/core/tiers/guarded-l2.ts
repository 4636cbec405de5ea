import type { CacheEvent } from '../model/events.ts';
import type { BypassReason } from '../model/lookup.ts';
import {
  type Heartbeat,
  isSameHistory,
  type RemoteError,
  type RemoteTier,
  type Session,
} from '../ports/remote-tier.ts';
import type { CircuitBreaker } from '../primitives/circuit-breaker.ts';
import type { Clock } from '../primitives/clock.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import { isAlive } from './is-alive.ts';
import { ReadinessGate } from './readiness-gate.ts';
import { Traffic } from './traffic.ts';

/** The outcome of a call to L2. The promise never rejects: a failure is a value like any other. */
export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: BypassReason; readonly error: unknown };

/** The outcome of a call that L2 did not answer. */
export type Unanswered = Extract<Asked<unknown>, { readonly ok: false }>;

/** The description of an operation on L2, for events and errors. */
export interface Operation {
  readonly name: string;
  readonly budgetMs: number;
  readonly key?: string | undefined;
  /**
   * The keys of an operation that several callers share. Each caller reports the failure of its own key with
   * {@link GuardedL2.report}, in its own asynchronous context.
   */
  readonly keys?: readonly string[];
  /** The number of values that it asks for, and of bytes that it sends. Later operations wait for both. Default 0. */
  readonly values?: number;
  readonly bytes?: number;
  /** The largest budget behind other bytes, in milliseconds. Default 2,000. */
  readonly mostMs?: number;
  readonly background?: boolean;
  /** The time for which it waits for contact with L2, after the start and after a rest. Default: the budget. */
  readonly contactMs?: number;
}

/** The call of an operation to the tier, in one history. */
type Work<T> = (tier: RemoteTier, session: Session) => Promise<T>;

/** The operations of one turn of the event loop. However many they are, they count as one call to the breaker. */
interface Packet {
  readonly openedAt: number;
  /** The bytes that were under way before it, and its own. */
  bytes: number;
  succeeded: boolean;
  failed: boolean;
}

/** One operation under way. */
interface Sent {
  readonly packet: Packet;
  /** Its bytes, as far as they are known. */
  readonly size: number;
  /** Returns the time that is left. It is called at the end of the budget, when the rest of the packet is known. */
  readonly moreMs: () => number;
}

/** The tier closes a packet when it sends it. A packet that a tier never closed ends after this time. */
const LONGEST_PACKET_MS = 100;

/** The least uncertainty about the server's clock, in milliseconds, however short the round trip was. */
const LEAST_UNCERTAINTY_MS = 100;

const BREAKER_OPEN: Asked<never> = { ok: false, reason: 'breaker-open', error: undefined };

const UNTRUSTED: Asked<never> = { ok: false, reason: 'untrusted', error: undefined };

/**
 * Guards L2 with a time budget, a breaker and the question whether the history of L2 is known. Every call to L2 on
 * behalf of a caller goes through {@link ask}. Only the heartbeat goes past it, because it finds these things out.
 */
export class GuardedL2 {
  readonly tier: RemoteTier;
  readonly breaker: CircuitBreaker;
  readonly readiness: ReadinessGate;
  readonly traffic = new Traffic();
  readonly #clock: Clock;
  readonly #emit: (event: CacheEvent) => void;
  readonly #maxLagMs: number;
  #session: Session | undefined;
  /** The history that is not repaired yet. Only flagged answers may come from it. */
  #unrepaired: Session | undefined;
  /** The history in which this cache has no place. L2 gets its orders there, and the cache reads and stores nothing. */
  #toldOnly: Session | undefined;
  #lastBeat: { readonly epoch: string; readonly sequence: number } | undefined;
  #latencyMs: number | undefined;
  #lastBeatAt = Number.NEGATIVE_INFINITY;
  /** Server time minus this process's monotonic time, learned from heartbeats. */
  #offset = 0;
  #uncertaintyMs = LEAST_UNCERTAINTY_MS;
  #packet: Packet | undefined;

  constructor(
    tier: RemoteTier,
    breaker: CircuitBreaker,
    clock: Clock,
    emit: (event: CacheEvent) => void,
    maxLagMs: number,
  ) {
    this.#maxLagMs = maxLagMs;
    this.readiness = new ReadinessGate(clock);
    this.tier = tier;
    this.breaker = breaker;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** The history that this instance trusts at present. `undefined` while it is unknown. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Trusts a history from now on. The object stays the same while the history does. @param endsWait Calls wait no more. */
  believe(session: Session, endsWait = true): void {
    this.readiness.heardL2(endsWait);
    this.#unrepaired = undefined;
    this.#toldOnly = undefined;
    if (!this.believes(session)) this.#session = session;
  }

  /**
   * Lets readers get values of this history, flagged as stale, until this instance trusts it or another one appears
   * (race 53).
   */
  readFlagged(session: Session): void {
    this.#unrepaired = session;
  }

  /** Lets orders reach L2 in this history, while nothing is read or stored in it (race 72). */
  tellOnly(session: Session): void {
    this.readiness.end();
    this.#toldOnly = session;
  }

  /**
   * The reason why L2 may not be asked now. A heartbeat must have confirmed the history within D. A paused process, or
   * one that lost only its heartbeats, may not have learned that the generation moved. An isolated old master still
   * answers reads, but it refuses the write of a heartbeat (protocol, race 10).
   */
  get refusal(): 'breaker-open' | 'untrusted' | undefined {
    if (!this.breaker.isClosed) return 'breaker-open';
    return this.#session !== undefined && this.#isRecent ? undefined : 'untrusted';
  }

  /**
   * The history in which background work may ask L2. None while L2 may not be asked, or while the cache rests:
   * background work does not wake it.
   */
  get backgroundSession(): Session | undefined {
    return this.refusal === undefined && !this.readiness.isAwaited ? this.#session : undefined;
  }

  /** True when the latest heartbeat was sent within D. */
  get #isRecent(): boolean {
    return this.#clock.now() - this.#lastBeatAt <= this.#maxLagMs;
  }

  /** True when {@link askUnrepaired} would ask L2. */
  get answersFlagged(): boolean {
    return this.#unrepaired !== undefined && this.breaker.isClosed && this.#isRecent;
  }

  /** True when this instance trusts this history at present. */
  believes(session: Session): boolean {
    return isSameHistory(this.#session, session);
  }

  /** Forgets the history. Nothing is read from L2 until the next heartbeat has found the present one. */
  distrust(): void {
    this.#session = undefined;
    this.#unrepaired = undefined;
    this.#toldOnly = undefined;
  }

  /** The last invalidation that a heartbeat has reported. It precedes everything that begins now. */
  get lastBeat(): { readonly epoch: string; readonly sequence: number } | undefined {
    return this.#lastBeat;
  }

  /** The round trip of the last heartbeat, in milliseconds. `undefined` before the first. */
  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  learn({ epoch, sequence, time }: Heartbeat, sentAt: number, receivedAt: number): void {
    this.#lastBeat = { epoch, sequence };
    this.#lastBeatAt = sentAt;
    this.#latencyMs = receivedAt - sentAt;
    // The server read its clock between the two moments. Their middle is wrong by half a round trip at most.
    this.#offset = time - (sentAt + receivedAt) / 2;
    this.#uncertaintyMs = Math.min(Math.max((receivedAt - sentAt) / 2, LEAST_UNCERTAINTY_MS), this.#maxLagMs);
  }

  /**
   * The largest error of {@link toLocal}, in milliseconds. A record stamped further in the future than this was written
   * before the server's clock stepped back (protocol, race 42).
   */
  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  /** Converts a moment of the server's clock to this process's monotonic time. */
  toLocal(serverTime: number): number {
    return serverTime - this.#offset;
  }

  /** Converts a moment of this process's monotonic time to the server's clock, as of the last heartbeat. */
  toServer(localTime: number): number {
    return localTime + this.#offset;
  }

  /**
   * Runs one operation. The answer counts only while the history is the one in which it was asked: a reply that crossed
   * a restart may describe contents that are gone.
   * @param onLate Receives an answer that arrives after the budget, so that the caller can undo it.
   */
  async ask<T>(
    operation: Operation,
    work: Work<T>,
    onLate?: (value: T, tier: RemoteTier, session: Session) => void,
  ): Promise<Asked<T>> {
    if (this.readiness.holdsL2) await this.readiness.wait(operation.contactMs ?? operation.budgetMs);
    const session = this.#session;
    const refusal = this.refusal;
    if (refusal !== undefined || session === undefined) return refusal === 'breaker-open' ? BREAKER_OPEN : UNTRUSTED;
    const { generation } = this.breaker;
    const sent = this.#begin(operation);
    try {
      const late = onLate && ((value: T): void => onLate(value, this.tier, session));
      const value = await withTimeout(this.#clock, operation.budgetMs, work(this.tier, session), late, sent.moreMs);
      this.#record(true, generation, sent.packet);
      return this.#session === session ? { ok: true, value } : UNTRUSTED;
    } catch (error) {
      this.#record(isAlive(error), generation, sent.packet);
      return this.#failed(operation, error);
    } finally {
      this.traffic.end(sent.size);
    }
  }

  /**
   * Asks L2 in a history that is not repaired. The answer may be old, so callers may only get it flagged as stale (race
   * 53).
   * @returns nothing when L2 did not answer, or may not be asked.
   */
  async askUnrepaired<T>(operation: Operation, work: Work<T>): Promise<T | undefined> {
    const session = this.#unrepaired;
    if (session === undefined || !this.answersFlagged) return undefined;
    const asked = await this.#askIn(session, () => this.#unrepaired ?? this.#session, operation, work);
    return asked.ok ? asked.value : undefined;
  }

  /** {@link ask} for an order. L2 gets it also in a history that is not read; see {@link tellOnly}. */
  async tell<T>(operation: Operation, work: Work<T>): Promise<Asked<T>> {
    const session = this.#toldOnly;
    if (session === undefined || !this.breaker.isClosed || !this.#isRecent) return this.ask(operation, work);
    return this.#askIn(session, () => this.#toldOnly ?? this.#session, operation, work);
  }

  /** Asks in a history that is not trusted. @param present Returns the history once the answer has arrived. */
  async #askIn<T>(
    session: Session,
    present: () => Session | undefined,
    operation: Operation,
    work: Work<T>,
  ): Promise<Asked<T>> {
    const { generation } = this.breaker;
    const sent = this.#begin(operation);
    try {
      const answer = work(this.tier, session);
      const value = await withTimeout(this.#clock, operation.budgetMs, answer, undefined, sent.moreMs);
      this.#record(true, generation, sent.packet);
      return isSameHistory(present(), session) ? { ok: true, value } : UNTRUSTED;
    } catch (error) {
      this.#record(isAlive(error), generation, sent.packet);
      return this.#failed(operation, error);
    } finally {
      this.traffic.end(sent.size);
    }
  }

  /**
   * Reports the refusal of one key of an operation whose other keys were answered.
   * @param isFirst True when no other refusal of the same answer was reported.
   */
  refused(operation: Operation, error: RemoteError, isFirst = true): Asked<never> {
    if (isFirst && !isAlive(error)) this.breaker.record(false, this.breaker.generation);
    return this.#failed(operation, error);
  }

  #begin({ values = 0, bytes = 0, budgetMs, mostMs }: Operation): Sent {
    const { traffic } = this;
    const packet = this.#openPacket();
    const size = bytes + traffic.sizeOf(values);
    // A single value gets no more time than its budget.
    const own = Math.min(size, bytes + traffic.sizeOf(1));
    traffic.begin(size);
    packet.bytes += size;
    const moreMs = (): number =>
      packet.openedAt + traffic.budgetOf(budgetMs, packet.bytes - own, mostMs) - this.#clock.now();
    return { packet, size, moreMs };
  }

  readonly #closePacket = (): void => {
    this.#packet = undefined;
  };

  #openPacket(): Packet {
    const now = this.#clock.now();
    const open = this.#packet;
    if (open !== undefined && now - open.openedAt < LONGEST_PACKET_MS) return open;
    const packet = { openedAt: now, bytes: this.traffic.bytes, succeeded: false, failed: false };
    this.#packet = packet;
    try {
      this.tier.beforeSending(this.#closePacket);
    } catch {
      // A tier that cannot announce its sending has no packets.
      this.#packet = undefined;
    }
    return packet;
  }

  /** Records the outcome of one operation. Only the first success and the first failure of its packet count. */
  #record(succeeded: boolean, generation: number, packet: Packet): void {
    if (succeeded ? packet.succeeded : packet.failed) return;
    if (succeeded) packet.succeeded = true;
    else packet.failed = true;
    this.breaker.record(succeeded, generation);
  }

  /** Reports the failure of an operation on one key. */
  report({ name, key, background = false }: Omit<Operation, 'keys'>, error: unknown): void {
    if (error instanceof TimeoutExceeded)
      this.#emit({ type: 'l2_timeout', operation: name, durationMs: error.budgetMs });
    this.#emit({ type: 'tier_failure', error, operation: name, tier: 'l2', key, background });
  }

  #failed(operation: Operation, error: unknown): Asked<never> {
    if (operation.keys === undefined) this.report(operation, error);
    return { ok: false, reason: error instanceof TimeoutExceeded ? 'timeout' : 'error', error };
  }
}
