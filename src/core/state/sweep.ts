import type { PatternTarget } from '../model/invalidation.ts';
import { isSameHistory, isUnavailable, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import type { SweepRequest } from '../ports/sweeps.ts';
import { unlessAborted } from '../primitives/abort.ts';
import type { Clock } from '../primitives/clock.ts';
import { withTimeout } from '../primitives/timeout.ts';

/** As long as one step may take. A server that needs longer for it is away. */
export const STEP_BUDGET_MS = 2_000;

/** Attempts of one sweep that may fail before it is given up for something that L2 can do in one step. */
const MOST_FAILURES = 3;

/** When a sweep stops before its end. It can go on later. */
export interface SweepLimits {
  /** A moment of the clock. */
  readonly until: number;
  readonly signal: AbortSignal;
}

/**
 * A walk over the entries of one namespace in L2, in bounded steps. It keeps its place: a budget that
 * stops it for a while does not undo the steps that are done. In another history it begins anew, because a place is
 * one in the records of one run of the server, and other records are to be looked at (protocol, race 50).
 */
export class Sweep {
  readonly #request: Pick<SweepRequest, 'namespace' | 'matches' | 'mode'>;
  #session: Session | undefined;
  #cursor: string | undefined;
  #isDone = false;
  #touched = 0;
  #failures = 0;
  /** Of {@link goOn}: an earlier call that is still waiting for an answer must not move the place of a later one. */
  #turn = 0;

  constructor(
    { namespace }: Pick<PatternTarget, 'namespace'>,
    matches: SweepRequest['matches'],
    mode: SweepRequest['mode'],
  ) {
    this.#request = { namespace, matches, mode };
  }

  /** Records that it has removed or expired. */
  get touched(): number {
    return this.#touched;
  }

  /** L2 has refused it, or was too slow for it, so often that another attempt promises nothing. */
  get isHopeless(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  /**
   * Forgets the place. The server has answered as another one, or not at all: the steps of before may have been taken in
   * contents that had been exchanged for those of the session, and that say nothing of its entries (protocol, race 50).
   */
  beginAnew(): void {
    this.#session = undefined;
  }

  /**
   * Goes on from where it stopped.
   * @returns whether it is done. `false`: a limit was reached.
   * @throws what the tier rejects with, and TimeoutExceeded when one step takes too long.
   */
  async goOn(clock: Clock, tier: RemoteTier, session: Session, limits: SweepLimits): Promise<boolean> {
    try {
      const isDone = await this.#walk(clock, tier, session, limits);
      if (!isDone && !limits.signal.aborted) this.#failures += 1;
      return isDone;
    } catch (error) {
      if (isUnavailable(error)) {
        // An L2 that is away refuses nothing: the next attempt waits for it.
        this.beginAnew();
      } else this.#failures += 1;
      throw error;
    }
  }

  async #walk(clock: Clock, tier: RemoteTier, session: Session, { until, signal }: SweepLimits): Promise<boolean> {
    this.#turn += 1;
    const turn = this.#turn;
    if (!isSameHistory(this.#session, session)) {
      this.#session = session;
      this.#cursor = undefined;
      this.#isDone = false;
    }
    while (!this.#isDone) {
      if (signal.aborted || clock.now() >= until) return false;
      const step = tier.sweep({ ...this.#request, generation: session.generation, cursor: this.#cursor });
      const answered = await untilAborted(withTimeout(clock, STEP_BUDGET_MS, step), signal);
      if (turn !== this.#turn || answered === undefined) return false;
      this.#touched += answered.touched;
      this.#cursor = answered.cursor;
      this.#isDone = answered.cursor === undefined;
    }
    return true;
  }
}

/** The answer, or nothing once the signal is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await unlessAborted(work, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
