import type { TroubleRecord, WriteRecord } from '../history.ts';

/** A writer has a second for its own rows, and so have the relay's looks after that: I1 adds as much. */
const RELAYED_MS = 1_000;
/** The same while instances may disagree on whether L2 is in reach, or who leads is changing. */
const RELAYED_IN_TROUBLE_MS = 5_000;
/** A trouble may have moved the lead, or have somebody wait for a mark, for so long after its end. */
const AFTERMATH_MS = 7_000;

/**
 * When a write must be known to all, beside D: when L2 has acknowledged it; or, if the outbox holds it, soon after its commit,
 * whoever made it and whatever has become of him. While something is broken that keeps relays from the database or from L2
 * "soon" begins anew with the end of that.
 */
export class KnownBy {
  readonly #troubles: readonly TroubleRecord[];
  readonly #pendingWithinMs: number;

  /** @param pendingWithinMs How soon at the latest, where nobody loses L2 but all together. */
  constructor(troubles: readonly TroubleRecord[], pendingWithinMs: number) {
    // Those of one instance are what it says of itself, and no cause.
    this.#troubles = troubles
      .filter(({ instance }) => instance === undefined)
      .sort((one, other) => one.start - other.start);
    this.#pendingWithinMs = pendingWithinMs;
  }

  /** `Infinity`: nobody need ever know. */
  of({ deliveredAt = Infinity, acknowledgedAt = Infinity, recorded, committedAt }: WriteRecord): number {
    const relayed = recorded ? Math.min(this.#relayed(committedAt), committedAt + this.#pendingWithinMs) : Infinity;
    return Math.min(deliveredAt, acknowledgedAt + this.#pendingWithinMs, relayed);
  }

  #relayed(committedAt: number): number {
    const soon = committedAt + RELAYED_MS;
    if (!this.#isTroubled(committedAt - AFTERMATH_MS, soon)) return soon;
    let by = committedAt + RELAYED_IN_TROUBLE_MS;
    for (const { start, end } of this.#troubles) {
      if (start <= by && end >= by - RELAYED_IN_TROUBLE_MS) by = Math.max(by, end + RELAYED_IN_TROUBLE_MS);
    }
    return by;
  }

  #isTroubled(from: number, to: number): boolean {
    return this.#troubles.some(({ start, end }) => start <= to && end >= from);
  }
}
