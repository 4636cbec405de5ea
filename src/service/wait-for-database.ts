import { isUnavailable } from '../adapters/postgres/index.ts';
import type { Sql } from '../catalog/sql.ts';
import type { Logger } from './logging/logger.ts';

/**
 * Milliseconds between two tries. The pause doubles, less up to half of it by chance, so that the instances of a fleet do
 * not try at once.
 */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * The time of one try. A port that takes connections and stays silent would otherwise hold the first try for the client's
 * own limit.
 */
const LEAST_TRY_MS = 500;
const LONGEST_TRY_MS = 2_000;

/** A waiting start logs at once, and then at this interval. */
const TELL_EVERY_MS = 5_000;

/** The patience of a start. */
export interface DatabaseWait {
  readonly waitMs: number;
  readonly log: Logger;
  /** Aborted when the process must end. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until the database answers. It tries again only after failures that time can mend: a wrong password stays wrong.
 * @throws The error of the last try, when the time is over or another try makes no sense.
 */
export async function waitForDatabase(sql: Sql, { waitMs, log, signal }: DatabaseWait): Promise<void> {
  const began = performance.now();
  let toldAt = -Infinity;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      const restMs = waitMs - (performance.now() - began);
      await answerWithin(sql, Math.min(Math.max(restMs, LEAST_TRY_MS), LONGEST_TRY_MS), signal);
      return;
    } catch (error) {
      const elapsedMs = performance.now() - began;
      const leftMs = waitMs - elapsedMs;
      if (!isAway(error) || leftMs <= 0 || signal?.aborted) throw error;
      if (elapsedMs - toldAt >= TELL_EVERY_MS) {
        toldAt = elapsedMs;
        const message = `The database of DATABASE_URL does not answer; trying again for ${Math.ceil(leftMs / 1_000)} s (DATABASE_WAIT_MS)`;
        log.warn({ event: 'database_waiting', leftMs: Math.round(leftMs) }, message);
      }
      await pause(Math.min(pauseMs * (0.5 + Math.random() / 2), leftMs), signal);
    }
  }
}

/**
 * Returns true for an error that means that the database cannot be reached. A name with several addresses fails with one
 * error for each.
 */
export function isAway(error: unknown): boolean {
  return isUnavailable(error) || (error instanceof AggregateError && error.errors.some(isUnavailable));
}

/** Rejects, as for an absent server, when the database has not answered in time. */
async function answerWithin(sql: Sql, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController();
  const silence = pause(ms, signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])).then(() => {
    throw Object.assign(new Error(`no answer within ${Math.round(ms)} ms`), { code: 'CONNECT_TIMEOUT' });
  });
  try {
    // The `finally` block takes the rejection of the race's loser.
    await Promise.race([sql`select 1`, silence]);
  } finally {
    over.abort();
    silence.catch(() => {});
  }
}

/** Waits for this long, or until the signal is aborted. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}
