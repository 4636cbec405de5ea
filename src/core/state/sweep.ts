import type { PatternTarget } from '../model/invalidation.ts';
import { isSameHistory, isUnavailable, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import type { SweepRequest } from '../ports/sweeps.ts';
import { unlessAborted } from '../primitives/abort.ts';
import type { Clock } from '../primitives/clock.ts';
import { withTimeout } from '../primitives/timeout.ts';

/** The time limit of one step. A server that needs longer counts as away. */
export const STEP_BUDGET_MS = 2_000;

/** The number of failed attempts after which a sweep is given up. L2 then ends a tag in one step instead. */
const MOST_FAILURES = 3;

/** The limits at which a sweep pauses. It can continue later. */
export interface SweepLimits {
  /** A moment of the clock. */
  readonly until: number;
  readonly signal: AbortSignal;
}

/**
 * Walks over the entries of one namespace in L2, in bounded steps. A sweep keeps its place, so a pause does not undo
 * finished steps. In another history it begins anew. A place belongs to the records of one run of the server, and in
 * the other history other records must be visited (protocol, race 50).
 */
export class Sweep {
  readonly #request: Pick<SweepRequest, 'namespace' | 'matches' | 'mode'>;
  #session: Session | undefined;
  #cursor: string | undefined;
  #isDone = false;
  #touched = 0;
  #failures = 0;
  /**
   * The number of {@link goOn} calls. An earlier call that still waits for an answer must not move the place of a later
   * one.
   */
  #turn = 0;

  constructor(
    { namespace }: Pick<PatternTarget, 'namespace'>,
    matches: SweepRequest['matches'],
    mode: SweepRequest['mode'],
  ) {
    this.#request = { namespace, matches, mode };
  }

  /** The number of records that it has removed or expired. */
  get touched(): number {
    return this.#touched;
  }

  /** True when L2 has refused it or was too slow so often that another attempt promises nothing. */
  get isHopeless(): boolean {
    return this.#failures >= MOST_FAILURES;
  }

  /**
   * Forgets the place, because another server has answered, or none. Earlier steps may have visited contents that were
   * exchanged for those of the session. They say nothing about the session's entries (protocol, race 50).
   */
  beginAnew(): void {
    this.#session = undefined;
  }

  /**
   * Continues the walk from its place.
   * @returns true when the walk is done. `false`: a limit was reached.
   * @throws the error of the tier, and TimeoutExceeded when one step takes too long.
   */
  async goOn(clock: Clock, tier: RemoteTier, session: Session, limits: SweepLimits): Promise<boolean> {
    try {
      const isDone = await this.#walk(clock, tier, session, limits);
      if (!isDone && !limits.signal.aborted) this.#failures += 1;
      return isDone;
    } catch (error) {
      if (isUnavailable(error)) {
        // An L2 that is away has refused nothing. The next attempt waits for it.
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

/** Returns the answer, or `undefined` once the signal is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await unlessAborted(work, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
