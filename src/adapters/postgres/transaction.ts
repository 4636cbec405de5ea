import { setTimeout as pause } from 'node:timers/promises';
import postgres, { type Sql, type TransactionSql } from 'postgres';

/** Codes by which postgres.js, and the system below it, report the loss of a connection. */
const LOST: ReadonlySet<unknown> = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * `begin` reports the loss of its own connection within this time after such an error of `work`. Without that report
 * the error concerns another connection. Milliseconds.
 */
const NOTICED_WITHIN_MS = 1_000;

/**
 * Runs `work` in a transaction that commits when it resolves, and survives the loss of its connection.
 *
 * postgres.js 3.4 answers every failure in `sql.begin` with a ROLLBACK, also where the connection is gone. Writing to
 * that connection throws outside of every promise and ends the process (porsager/postgres#1208). This function
 * therefore hides a loss from `begin`, which watches the connection by itself and rejects all the same. If the lost
 * connection was another one, for example that of an upload, the transaction is rolled back a second later.
 * @example
 * ```ts
 * import postgres from 'postgres';
 * import { transaction } from 'tiercel/postgres';
 *
 * const sql = postgres('postgres://127.0.0.1/shop');
 * await transaction(sql, (tx) => tx`update products set price = 2 where id = 7`);
 * ```
 * @param options The text that `sql.begin` takes, such as `isolation level repeatable read`. Default: none.
 * @throws the error of `work`, after a rollback. If the connection was lost, the outcome of the commit is unknown.
 */
export async function transaction<T>(sql: Sql, work: (tx: TransactionSql) => Promise<T>, options = ''): Promise<T> {
  let isOver = false;
  // The result is in an object, because `begin` would await the elements of an array.
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
