import type { CacheEvent } from '../model/events.ts';
import type { BypassReason } from '../model/lookup.ts';
import {
  type Heartbeat,
  isSameHistory,
  RemoteError,
  type RemoteFailure,
  type RemoteTier,
  type Session,
} from '../ports/remote-tier.ts';
import type { CircuitBreaker } from '../primitives/circuit-breaker.ts';
import type { Clock } from '../primitives/clock.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import { ReadinessGate } from './readiness-gate.ts';
import { Traffic } from './traffic.ts';

/** What came of asking L2: it never rejects, a failing tier is an answer like any other. */
export type Asked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: BypassReason; readonly error: unknown };

/** What came of asking an L2 that did not answer. */
export type Unanswered = Extract<Asked<unknown>, { readonly ok: false }>;

/** What an operation on L2 is about; for events and errors. */
export interface Operation {
  readonly name: string;
  readonly budgetMs: number;
  readonly key?: string | undefined;
  /**
   * The keys of an operation that several callers share. Each caller reports the failure of its own key with
   * {@link GuardedL2.report}, in its own asynchronous context.
   */
  readonly keys?: readonly string[];
  /** How many values it asks for, and how many bytes it sends: what is asked behind it waits for those. Default 0. */
  readonly values?: number;
  readonly bytes?: number;
  /** Its budget behind other bytes, in milliseconds. Default 2,000. */
  readonly mostMs?: number;
  readonly background?: boolean;
  /** How long to wait for contact with L2, after the start and after a rest. Default: the budget. */
  readonly contactMs?: number;
}

/** What was asked in one turn of the event loop. It is one call to the breaker, however many operations it carries. */
interface Packet {
  readonly openedAt: number;
  /** What was under way before it, and what it carries itself. */
  bytes: number;
  succeeded: boolean;
  failed: boolean;
}

/** One operation under way. */
interface Sent {
  readonly packet: Packet;
  /** Its bytes, as far as is known. */
  readonly size: number;
  /** Asked when its budget is over: by then it is known what else travels with it. */
  readonly moreMs: () => number;
}

/** A packet is closed by the tier when it is sent; one that a tier has forgotten is over by then. */
const LONGEST_PACKET_MS = 100;

/** The server's clock counts as known no better than this, however short the round trip. */
const LEAST_UNCERTAINTY_MS = 100;

const BREAKER_OPEN: Asked<never> = { ok: false, reason: 'breaker-open', error: undefined };

const UNTRUSTED: Asked<never> = { ok: false, reason: 'untrusted', error: undefined };

/**
 * L2 behind a time budget, a breaker and the question whether its history is known. Everything that reads or writes L2
 * on behalf of a caller goes through {@link ask}; only the heartbeat, which finds these things out, goes past it.
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
  /** The history that is not repaired yet, and is read for flagged answers alone. */
  #unrepaired: Session | undefined;
  #lastBeat: { readonly epoch: string; readonly sequence: number } | undefined;
  #latencyMs: number | undefined;
  #lastBeatAt = Number.NEGATIVE_INFINITY;
  /** Server time minus this process's monotonic time, learnt from heartbeats. */
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

  /** The history that is believed at present; `undefined` while it is not known. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Believes in a history from now on. The object stays the same while the history does. */
  believe(session: Session): void {
    this.readiness.end();
    this.#unrepaired = undefined;
    if (!this.believes(session)) this.#session = session;
  }

  /** The values of this history count as stale from now on, until it is believed or another one appears (race 53). */
  readFlagged(session: Session): void {
    this.#unrepaired = session;
  }

  /**
   * Why L2 would not even be asked now. Its history must have been confirmed within D: a process that was paused, or cut
   * off from the heartbeats alone, may not have heard that the generation moved; and an old master that is cut off still
   * answers reads, but no heartbeat, which is a write.
   */
  get refusal(): 'breaker-open' | 'untrusted' | undefined {
    if (!this.breaker.isClosed) return 'breaker-open';
    return this.#session !== undefined && this.#isRecent ? undefined : 'untrusted';
  }

  /**
   * The history in which background work may ask L2: none while L2 may not be asked,
   * or while the cache rests, because it is not woken for this.
   */
  get backgroundSession(): Session | undefined {
    return this.refusal === undefined && !this.readiness.isAwaited ? this.#session : undefined;
  }

  /** The latest heartbeat was sent within the bound. */
  get #isRecent(): boolean {
    return this.#clock.now() - this.#lastBeatAt <= this.#maxLagMs;
  }

  /** {@link askUnrepaired} would ask L2. */
  get answersFlagged(): boolean {
    return this.#unrepaired !== undefined && this.breaker.isClosed && this.#isRecent;
  }

  /** Whether this is the history that is believed at present. */
  believes(session: Session): boolean {
    return isSameHistory(this.#session, session);
  }

  /** The history is not known any more: nothing is read until the next heartbeat has found it out. */
  distrust(): void {
    this.#session = undefined;
    this.#unrepaired = undefined;
  }

  /** The last invalidation that a heartbeat has told of: it came before everything that begins now. */
  get lastBeat(): { readonly epoch: string; readonly sequence: number } | undefined {
    return this.#lastBeat;
  }

  /** Round trip of the last heartbeat, in milliseconds; `undefined` before the first. */
  get latencyMs(): number | undefined {
    return this.#latencyMs;
  }

  learn({ epoch, sequence, time }: Heartbeat, sentAt: number, receivedAt: number): void {
    this.#lastBeat = { epoch, sequence };
    this.#lastBeatAt = sentAt;
    this.#latencyMs = receivedAt - sentAt;
    // The server read its clock somewhere in between; half-way is off by half a round trip at most.
    this.#offset = time - (sentAt + receivedAt) / 2;
    this.#uncertaintyMs = Math.min(Math.max((receivedAt - sentAt) / 2, LEAST_UNCERTAINTY_MS), this.#maxLagMs);
  }

  /**
   * How far off {@link toLocal} may be, in milliseconds. What is stamped further in the future than that was stamped before the
   * server's clock stepped back (protocol, race 42).
   */
  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  /** A moment of the server's clock, in this process's monotonic time. */
  toLocal(serverTime: number): number {
    return serverTime - this.#offset;
  }

  /** A moment of this process's monotonic time, by the server's clock as the last heartbeat told it. */
  toServer(localTime: number): number {
    return localTime + this.#offset;
  }

  /**
   * Runs one operation. The answer counts only if the history is still the one it was asked in: a reply that crossed a
   * restart may tell of a world that is gone.
   * @param onLate Given what comes after the budget is over, to be undone.
   */
  async ask<T>(
    operation: Operation,
    work: (tier: RemoteTier, session: Session) => Promise<T>,
    onLate?: (value: T, tier: RemoteTier, session: Session) => void,
  ): Promise<Asked<T>> {
    if (this.readiness.isAwaited) await this.readiness.wait(operation.contactMs ?? operation.budgetMs);
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
   * Asks in a history that is not repaired. Its answer may be old: callers are given it flagged as stale, and in no other way.
   * @returns nothing when L2 did not answer, or may not be asked.
   */
  async askUnrepaired<T>(
    operation: Operation,
    work: (tier: RemoteTier, session: Session) => Promise<T>,
  ): Promise<T | undefined> {
    const session = this.#unrepaired;
    if (session === undefined || !this.answersFlagged) return undefined;
    const { generation } = this.breaker;
    const sent = this.#begin(operation);
    try {
      const value = await withTimeout(
        this.#clock,
        operation.budgetMs,
        work(this.tier, session),
        undefined,
        sent.moreMs,
      );
      this.#record(true, generation, sent.packet);
      return isSameHistory(this.#unrepaired ?? this.#session, session) ? value : undefined;
    } catch (error) {
      this.#record(isAlive(error), generation, sent.packet);
      this.#failed(operation, error);
      return undefined;
    } finally {
      this.traffic.end(sent.size);
    }
  }

  /**
   * What one key of an operation was refused with, while the others were answered.
   * @param isFirst Whether no other refusal of the same answer has been told of.
   */
  refused(operation: Operation, error: RemoteError, isFirst = true): Asked<never> {
    if (isFirst && !isAlive(error)) this.breaker.record(false, this.breaker.generation);
    return this.#failed(operation, error);
  }

  #begin({ values = 0, bytes = 0, budgetMs, mostMs }: Operation): Sent {
    const { traffic } = this;
    const packet = this.#openPacket();
    const size = bytes + traffic.sizeOf(values);
    // One value alone has no more time than its budget.
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
      // A tier that cannot be told has no packets.
      this.#packet = undefined;
    }
    return packet;
  }

  /** What became of one operation: the first success and the first failure of its packet count. */
  #record(succeeded: boolean, generation: number, packet: Packet): void {
    if (succeeded ? packet.succeeded : packet.failed) return;
    if (succeeded) packet.succeeded = true;
    else packet.failed = true;
    this.breaker.record(succeeded, generation);
  }

  /** Tells of an operation on one key that failed. */
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

/**
 * A server that refuses for a reason of its own is alive: not asking it would mend nothing. One wrong request says nothing
 * about those of other callers.
 */
export function isAlive(error: unknown): boolean {
  return error instanceof RemoteError && ALIVE.has(error.failure);
}

const ALIVE: ReadonlySet<RemoteFailure> = new Set<RemoteFailure>(['denied', 'full', 'invalid']);
