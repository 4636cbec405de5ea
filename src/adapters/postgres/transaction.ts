import { setTimeout as pause } from 'node:timers/promises';
import postgres, { type Sql, type TransactionSql } from 'postgres';

/** How postgres.js, and the system below it, call the loss of a connection. */
const LOST: ReadonlySet<unknown> = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

/** After such an error of `work`, and no word of `begin` that its connection is gone, it was about something else. */
const NOTICED_WITHIN_MS = 1_000;

/**
 * Runs `work` in a transaction that commits when it resolves, and survives the loss of its connection.
 *
 * Whatever goes wrong in `sql.begin`, postgres.js 3.4 answers with a ROLLBACK, also where the connection is gone. Writing to
 * that throws outside of every promise and ends the process (porsager/postgres#1208). So a loss is kept from it: `begin`
 * watches the connection by itself and rejects all the same. The like of another connection, of an upload for one, is
 * rolled back a second later.
 * @param options As for `sql.begin`: `isolation level repeatable read`.
 * @throws what `work` throws, after a rollback; when the connection is lost, nobody knows whether it was committed.
 */
export async function transaction<T>(sql: Sql, work: (tx: TransactionSql) => Promise<T>, options = ''): Promise<T> {
  let isOver = false;
  // In a box of its own: `begin` awaits the elements of an array that it is given.
  const begun = sql.begin(options, async (tx) => {
    try {
      return { result: await work(tx) };
    } catch (error) {
      if (isLoss(error)) await pause(NOTICED_WITHIN_MS);
      return isOver ? never() : Promise.reject(error);
    }
  });
  try {
    return (await begun).result;
  } finally {
    isOver = true;
  }
}

function isLoss(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return false;
  return error instanceof Error && 'code' in error && LOST.has(error.code);
}

function never(): Promise<never> {
  return new Promise(() => {});
}
