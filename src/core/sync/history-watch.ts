import type { Session } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';

/** Notices that L2 tells another history than before. What this instance has from the former one goes. */
export class HistoryWatch {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #forget: () => void;
  #epoch: string | undefined;
  #session: Session | undefined;

  /** @param forget Clears what this instance has of before. */
  constructor(context: CacheContext, l2: GuardedL2, forget: () => void) {
    this.#context = context;
    this.#l2 = l2;
    this.#forget = forget;
  }

  /** A heartbeat was answered in this epoch. */
  tells(epoch: string): void {
    const from = this.#epoch;
    this.#epoch = epoch;
    if (from === undefined || from === epoch) return;
    this.#l2.distrust();
    this.#forget();
    this.#context.emit({ type: 'epoch_changed', from, to: epoch });
  }

  /**
   * Stops reads in the old generation before pending orders are delivered in the new one. A delivered order no longer stands
   * in for L2. The remembered tags belong to the old generation and go too. {@link tells} does this for another epoch.
   */
  uses(session: Session): void {
    const last = this.#session;
    this.#session = session;
    if (last?.epoch !== session.epoch || last.generation === session.generation) return;
    this.#l2.distrust();
    this.#forget();
  }
}
