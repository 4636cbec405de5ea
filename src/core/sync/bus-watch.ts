/** The number of answered heartbeats that do not come back before the subscription is suspected. */
const MISSED_ECHOES = 3;

/**
 * Finds a subscription that is open and carries nothing. It counts the heartbeats that L2 has answered since the last one
 * that came back: time alone says nothing, because heartbeats rest while no call comes, and stand while the process does.
 */
export class BusWatch {
  readonly #silenceMs: number;
  readonly #echoBy: number;
  #hasEchoed = false;
  /** When the first of {@link #missed} was answered. */
  #since = 0;
  #missed = 0;

  /**
   * @param silenceMs The time for which a slow subscription is left alone, in milliseconds.
   * @param echoBy A moment of the clock: a subscription on which no heartbeat has come back by then is away.
   */
  constructor(silenceMs: number, echoBy = Number.NEGATIVE_INFINITY) {
    this.#silenceMs = silenceMs;
    this.#echoBy = echoBy;
  }

  /** A heartbeat has come back. */
  echoed(): void {
    this.#hasEchoed = true;
    this.heard();
  }

  /** Says if the first heartbeat that comes back is worth waiting for (protocol, race 67). */
  isEchoDue(now: number): boolean {
    return !this.#hasEchoed && now <= this.#echoBy;
  }

  /** A heartbeat has come back, or there is a new subscription. */
  heard(): void {
    this.#missed = 0;
  }

  /** L2 has answered a heartbeat at that moment; says whether the subscription must be replaced. */
  answered(now: number): boolean {
    if (this.#missed === 0) this.#since = now;
    this.#missed += 1;
    if (this.#missed < MISSED_ECHOES || now - this.#since <= this.#silenceMs) return false;
    this.#missed = 0;
    return true;
  }
}
