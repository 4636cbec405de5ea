import type { Clock } from '../primitives/clock.ts';
import { withTimeout } from '../primitives/timeout.ts';

/**
 * Whether L2 is about to be heard of: right after the start, and after a rest in which nobody asked. A call that comes
 * then is served better by waiting for the heartbeat than by going round L2.
 */
export class ReadinessGate {
  readonly #clock: Clock;
  #awaited: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  #wanted: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether calls wait for it. */
  get isAwaited(): boolean {
    return this.#awaited !== undefined;
  }

  /** From now on calls wait again; `wanted` is told of each. */
  await(wanted: () => void): void {
    this.#wanted = wanted;
    this.#awaited ??= Promise.withResolvers();
  }

  /** L2 has been heard of, or is known to be away: nobody waits any more. */
  end(): void {
    this.#awaited?.resolve();
    this.#awaited = undefined;
  }

  /** Resolves when it has ended, or after `ms`. Never rejects. */
  async wait(ms: number): Promise<void> {
    if (this.#awaited === undefined) return;
    this.#wanted();
    try {
      await withTimeout(this.#clock, ms, this.#awaited.promise);
    } catch {
      // Not in time: the call goes on and finds that the history is not known.
    }
  }
}
