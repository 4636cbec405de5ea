import { addAccessCounts } from '../../catalog/queries.ts';
import type { Sql } from '../../catalog/sql.ts';
import type { Popularity } from '../../resources/warming.ts';
import type { Logger } from '../logging/logger.ts';
import { AccessCounter } from './read-counter.ts';

/** A statement that takes longer is given up, and its counts wait for the next one. Milliseconds. */
const WRITE_DEADLINE_MS = 5_000;

/** Holds the counters of all tables whose rows are counted when they are read. */
export class AccessCounts implements AsyncDisposable {
  readonly #sql: Sql;
  readonly #log: Logger;
  readonly #counters = new Map<string, AccessCounter>();

  constructor(sql: Sql, log: Logger) {
    this.#sql = sql;
    this.#log = log;
  }

  /** Returns the one counter of a column. Resources that are read from the same rows share it. */
  of({ table, column }: Pick<Popularity, 'table' | 'column'>): AccessCounter {
    const name = JSON.stringify([table, column]);
    const known = this.#counters.get(name);
    if (known !== undefined) return known;
    const counter = new AccessCounter({
      write: (counts) => addAccessCounts(this.#sql, { table, column }, counts, AbortSignal.timeout(WRITE_DEADLINE_MS)),
      log: this.#log,
    });
    this.#counters.set(name, counter);
    return counter;
  }

  /** Writes the counts. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([...this.#counters.values()].map((counter) => counter.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
