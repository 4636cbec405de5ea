import type { RemoteError, StoredRecord } from '../ports/remote-tier.ts';

/** L2 is counted on to send or take 50 MB in a second. */
const MS_PER_BYTE = 1_000 / 50_000_000;

/** However much was asked for before: nobody waits longer for one answer. */
const LONGEST_MS = 2_000;

/** Of a value, before any has been seen. */
const PRESUMED_BYTES = 4_096;

/** How much the values of one answer weigh against all before. */
const WEIGHT = 1 / 4;

/**
 * The bytes that are under way between this process and L2. Redis answers in the order in which it was asked, and what one
 * turn of the event loop asks is answered together. So an answer among twenty megabytes is not late when it comes after
 * `l2Timeout`: what travels with it and before it has its time too.
 */
export class Traffic {
  #bytes = 0;
  #meanBytes = PRESUMED_BYTES;

  /** How long what is under way may take, in milliseconds. */
  get queuedMs(): number {
    return this.#bytes * MS_PER_BYTE;
  }

  /** How many bytes so many values are likely to have. */
  sizeOf(values: number): number {
    return values * this.#meanBytes;
  }

  /** The bytes that are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The budget of what has so many bytes before it: its own, and the time of those. */
  budgetOf(budgetMs: number, bytesAhead: number, mostMs = LONGEST_MS): number {
    if (bytesAhead <= 0) return budgetMs;
    return Math.max(Math.min(budgetMs + bytesAhead * MS_PER_BYTE, mostMs), budgetMs);
  }

  begin(bytes: number): void {
    this.#bytes += bytes;
  }

  end(bytes: number): void {
    this.#bytes = Math.max(this.#bytes - bytes, 0);
  }

  /** Learns how long values are from what L2 has answered. */
  learn(records: readonly (StoredRecord | RemoteError)[]): void {
    let bytes = 0;
    let values = 0;
    for (const record of records) {
      if (!('kind' in record) || record.kind !== 'value') continue;
      bytes += record.value.body.length;
      values += 1;
    }
    if (values > 0) this.#meanBytes += (bytes / values - this.#meanBytes) * WEIGHT;
  }
}

/**
 * How long the first question of a read may take at most: half of the time that its caller has, so that enough of it is left
 * for a load, and never less than `l2Timeout`.
 */
export function longestAnswerMs(l2TimeoutMs: number, hardTimeoutMs: number): number {
  return Math.max(Math.min(hardTimeoutMs / 2, LONGEST_MS), l2TimeoutMs);
}
