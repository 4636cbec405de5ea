import { AsyncLocalStorage } from 'node:async_hooks';
import type { RowCount } from '../../catalog/queries.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { withTimeout } from '../../core/primitives/timeout.ts';
import type { Logger } from '../logging/logger.ts';

/** Time between the first unwritten read and the writing. Milliseconds. */
const PERIOD_MS = 10_000;

/**
 * The most rows whose counts are kept. Beyond it, counts are written early, and a row that still finds no room is not
 * counted.
 */
const MOST_ROWS = 10_000;

/** The rows of one statement, which stay locked until it ends. */
const BATCH = 1_000;

/** A database that hangs delays the close by no more than this. Milliseconds. */
const CLOSE_WITHIN_MS = 2_000;

/** Options of {@link AccessCounter}. */
export interface AccessCounterOptions {
  /** Writes counts, and resolves with the ids of the rows that it could not write now. */
  readonly write: (counts: readonly RowCount[]) => Promise<readonly number[]>;
  readonly log: Pick<Logger, 'warn' | 'info'>;
  /** Default: the platform's clock. */
  readonly clock?: Clock;
}

/**
 * Counts the reads of one table's rows in memory, and writes them to the database every ten seconds if there were any.
 * The counts serve to order rows, not to bill for reads. The reads that a crash or a long outage of the database loses
 * do not matter.
 */
export class AccessCounter {
  readonly #write: AccessCounterOptions['write'];
  readonly #log: AccessCounterOptions['log'];
  readonly #clock: Clock;
  /** A write runs outside of the request whose read was the first. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #counts = new Map<number, number>();
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #isClosed = false;

  constructor({ write, log, clock = systemClock }: AccessCounterOptions) {
    this.#write = write;
    this.#log = log;
    this.#clock = clock;
  }

  /** Counts one read of a row that exists. Every answer runs through here, so it neither waits nor throws. */
  add(row: number): void {
    const reads = this.#counts.get(row);
    if (reads !== undefined) this.#counts.set(row, reads + 1);
    else if (!this.#isClosed) this.#addNew(row, 1);
  }

  /** Writes the counts that are left, once. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await withTimeout(this.#clock, CLOSE_WITHIN_MS, this.#writeRest()).catch(ignore);
  }

  async #writeRest(): Promise<void> {
    await this.#writing;
    this.#begin();
    await this.#writing;
  }

  #addNew(row: number, reads: number): void {
    // A write takes the counts out of memory, which makes room.
    if (this.#counts.size >= MOST_ROWS) this.#begin();
    if (this.#counts.size >= MOST_ROWS) return;
    this.#counts.set(row, reads);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#cancelTimer !== undefined || this.#writing !== undefined || this.#isClosed) return;
    this.#cancelTimer = this.#clock.after(PERIOD_MS, () => this.#begin());
  }

  #begin(): void {
    if (this.#writing !== undefined || this.#counts.size === 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const taken = [...this.#counts].sort(([one], [other]) => one - other);
    this.#counts = new Map();
    this.#writing = this.#outside(() => this.#writeAll(taken)).finally(() => {
      this.#writing = undefined;
      if (this.#counts.size > 0) this.#schedule();
    });
  }

  async #writeAll(taken: readonly RowCount[]): Promise<void> {
    let at = 0;
    try {
      for (; at < taken.length; at += BATCH) {
        const batch = taken.slice(at, at + BATCH);
        const left = new Set(await this.#write(batch));
        this.#putBack(batch.filter(([row]) => left.has(row)));
      }
      this.#succeeded();
    } catch (error) {
      this.#putBack(taken.slice(at));
      this.#failed(error);
    }
  }

  #putBack(counts: readonly RowCount[]): void {
    for (const [row, reads] of counts) {
      const since = this.#counts.get(row);
      if (since !== undefined || this.#counts.size < MOST_ROWS) this.#counts.set(row, (since ?? 0) + reads);
    }
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#log.info({ event: 'access_counts_written' }, 'Reads are counted again');
    this.#failures = 0;
  }

  /** Reports the first failure only. Later failures belong to the same outage. */
  #failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures > 1) return;
    this.#log.warn({ event: 'access_counts_failed', err: error }, 'The counts of reads could not be written');
  }
}

function ignore(): void {}
