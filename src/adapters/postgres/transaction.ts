import postgres, { type Sql, type TransactionSql } from 'postgres';

/** How postgres.js, and the system below it, call the loss of a connection. */
const LOST: ReadonlySet<unknown> = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * Runs `work` in a transaction that commits when it resolves, and survives the loss of its connection.
 *
 * Whatever goes wrong in `sql.begin`, postgres.js 3.4 answers with a ROLLBACK, also where the connection is gone. Writing to
 * that throws outside of every promise and ends the process (porsager/postgres#1208). So a loss is kept from it: `begin`
 * watches the connection by itself and rejects all the same.
 * @param options As for `sql.begin`: `isolation level repeatable read`.
 * @throws what `work` throws, after a rollback; when the connection is lost, nobody knows whether it was committed.
 */
export async function transaction<T>(sql: Sql, work: (tx: TransactionSql) => Promise<T>, options = ''): Promise<T> {
  // In a box of its own: `begin` awaits the elements of an array that it is given.
  const { result } = await sql.begin(options, async (tx) => {
    try {
      return { result: await work(tx) };
    } catch (error) {
      return isLoss(error) ? never() : Promise.reject(error);
    }
  });
  return result;
}

function isLoss(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return false;
  return error instanceof Error && 'code' in error && LOST.has(error.code);
}

function never(): Promise<never> {
  return new Promise(() => {});
}
