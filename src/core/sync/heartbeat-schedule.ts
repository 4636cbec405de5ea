import type { CircuitBreaker } from '../primitives/circuit-breaker.ts';
import type { Clock } from '../primitives/clock.ts';

/** Unanswered heartbeats in a row that open the breaker. */
const MISSES_TO_TRIP = 2;

/** Unanswered heartbeats in a row after which the connection itself is suspected. */
const MISSES_TO_RESET = 6;

/**
 * Decides from the answers to heartbeats when the next one is due, and moves L2's breaker. The heartbeats are its trials:
 * while it is not closed they alone are sent.
 */
export class HeartbeatSchedule {
  readonly everyMs: number;
  readonly #clock: Clock;
  readonly #breaker: CircuitBreaker;
  readonly #answerMs: number;
  /** A new connection is worth a trial whatever the breaker's next one is due. */
  #trialAtOnce = false;
  /** The state of the breaker when the last heartbeat was sent. An answer says nothing of another state. */
  #sentUnder = 0;
  #misses = 0;

  /**
   * @param everyMs The pause between two heartbeats while all is well, in milliseconds.
   * @param answerMs The longest answer of L2 that is of use to a caller.
   */
  constructor(clock: Clock, breaker: CircuitBreaker, everyMs: number, answerMs: number) {
    this.#clock = clock;
    this.#breaker = breaker;
    this.everyMs = everyMs;
    this.#answerMs = answerMs;
  }

  /** True while L2 counts as away. */
  get isLost(): boolean {
    return this.#misses >= MISSES_TO_TRIP;
  }

  /** True when one more miss is news. During an outage it is not. */
  get isMissNews(): boolean {
    return this.#misses < MISSES_TO_TRIP;
  }

  /** True when an open connection has not answered for long. It may be half dead where a new one is not. */
  get isSuspect(): boolean {
    return this.#misses > 0 && this.#misses % MISSES_TO_RESET === 0;
  }

  /** True when a heartbeat may be sent before it is due. */
  get mayHurry(): boolean {
    return this.#trialAtOnce || this.#breaker.isAnswering;
  }

  /** True while the breaker is on its way back to closed, which takes heartbeats. */
  get isRecovering(): boolean {
    return this.#breaker.trialAt !== undefined || this.#breaker.closesAt !== undefined;
  }

  /** Reports a new connection. */
  connected(): void {
    this.#trialAtOnce = true;
  }

  /** True when a heartbeat may be sent now. If the breaker is open, this claims its one trial. */
  begin(): boolean {
    const atOnce = this.#trialAtOnce;
    this.#trialAtOnce = false;
    const mayBegin = this.#breaker.state.kind !== 'open' || this.#breaker.beginTrial(atOnce);
    this.#sentUnder = this.#breaker.generation;
    return mayBegin;
  }

  /** Takes an answer. One that came too late for a caller proves L1, but must not let callers wait for L2 again. */
  answered(latencyMs: number): void {
    this.#misses = 0;
    if (this.#sentUnder !== this.#breaker.generation) return;
    if (latencyMs <= this.#answerMs) this.#breaker.pass();
    else this.#breaker.reopen();
  }

  missed(): void {
    this.#misses += 1;
    this.#breaker.reopen();
    if (this.isLost) this.#breaker.trip();
  }

  /** Milliseconds to the next heartbeat. */
  pauseMs(isConnected: boolean): number {
    const { trialAt, closesAt } = this.#breaker;
    const now = this.#clock.now();
    if (trialAt !== undefined) return trialAt - now;
    if (closesAt !== undefined) return Math.min(closesAt - now, this.everyMs);
    // The second heartbeat after a lost one follows at once: together they decide within one interval.
    return this.#misses === 1 && isConnected ? 0 : this.everyMs;
  }
}

/** Nonces remembered; an echo of an older heartbeat proves nothing useful. */
const MOST = 8;

/** Remembers the times at which the latest heartbeats were sent, by nonce. */
export class SentHeartbeats {
  readonly #sent = new Map<string, number>();

  add(nonce: string, sentAt: number): void {
    this.#sent.set(nonce, sentAt);
    if (this.#sent.size <= MOST) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      return;
    }
  }

  /** Returns the time at which it was sent; `undefined` when another instance sent it, or too long ago. */
  at(nonce: string): number | undefined {
    return this.#sent.get(nonce);
  }
}
