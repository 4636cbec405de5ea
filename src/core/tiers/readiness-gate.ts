import type { Clock } from '../primitives/clock.ts';
import { withTimeout } from '../primitives/timeout.ts';

/**
 * Lets calls wait for the first heartbeat after a start or a rest. Waiting for it serves a call better than going round
 * L2 (protocol, race 67).
 */
export class ReadinessGate {
  readonly #clock: Clock;
  #awaited: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  #isBusAlone = false;
  #wanted: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while calls wait. */
  get isAwaited(): boolean {
    return this.#awaited !== undefined;
  }

  /** True while operations on L2 wait. */
  get holdsL2(): boolean {
    return this.#awaited !== undefined && !this.#isBusAlone;
  }

  /** L2 has answered. @param endsWait False while the bus is due as well: calls that may load wait for it (protocol, race 67). */
  heardL2(endsWait: boolean): void {
    if (endsWait) this.end();
    else this.#isBusAlone = true;
  }

  /** The bus has brought a heartbeat back. After a rest L2 has to answer first. */
  heardBus(): void {
    if (this.#isBusAlone) this.end();
  }

  /** Makes calls wait again. Each of them calls `wanted`. */
  await(wanted: () => void): void {
    this.#isBusAlone = false;
    this.#wanted = wanted;
    this.#awaited ??= Promise.withResolvers();
  }

  /** Ends the wait of all calls, because L2 has answered or is known to be away. */
  end(): void {
    this.#awaited?.resolve();
    this.#awaited = undefined;
  }

  /** Resolves when the wait has ended, or after `ms`. Never rejects. */
  async wait(ms: number): Promise<void> {
    if (this.#awaited === undefined) return;
    this.#wanted();
    try {
      await withTimeout(this.#clock, ms, this.#awaited.promise);
    } catch {
      // The time is over. The call goes on and finds that the history is unknown.
    }
  }
}
