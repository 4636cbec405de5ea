import type { RemoteError, StoredRecord } from '../ports/remote-tier.ts';

/** The time of one byte at 50 MB/s, the rate that L2 is expected to reach. */
const MS_PER_BYTE = 1_000 / 50_000_000;

/** The longest time that a caller waits for one answer, however many bytes lie before it. */
const LONGEST_MS = 2_000;

/** The presumed size of a value before the first one has arrived. */
const PRESUMED_BYTES = 4_096;

/** The weight of the values of one answer against all earlier ones. */
const WEIGHT = 1 / 4;

/**
 * Counts the bytes that are under way between this process and L2. Redis answers in the order of the questions, and the
 * questions of one turn are answered together. An answer among twenty megabytes is therefore not late when it comes
 * after `l2Timeout`: bytes with it and before it have their own time (protocol, race 58).
 */
export class Traffic {
  #bytes = 0;
  #meanBytes = PRESUMED_BYTES;

  /** The time that the bytes under way may take, in milliseconds. */
  get queuedMs(): number {
    return this.#bytes * MS_PER_BYTE;
  }

  /** The bytes that this number of values is likely to have. */
  sizeOf(values: number): number {
    return values * this.#meanBytes;
  }

  /** The bytes that are under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The budget of an operation with bytes before it: its own budget plus the time of those bytes, at most `mostMs`. */
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

  /** Learns the mean size of values from an answer of L2. */
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
 * The longest time of a read's first question. It is half of the caller's time, so that enough is left for a load, and
 * never less than `l2Timeout`.
 */
export function longestAnswerMs(l2TimeoutMs: number, hardTimeoutMs: number): number {
  return Math.max(Math.min(hardTimeoutMs / 2, LONGEST_MS), l2TimeoutMs);
}
