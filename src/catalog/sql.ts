import postgres, { type ISql, type Sql as PostgresSql, type TransactionSql } from 'postgres';
import { transaction } from '../adapters/postgres/index.ts';

/** A pool of connections, as `openDatabase` gives it. */
export type Sql = PostgresSql;

/** A transaction that somebody else commits. */
export type Transaction = TransactionSql;

/** What a query runs on: a pool or a transaction. */
export type Queryable = ISql;

/**
 * A list of whole numbers as a `bigint[]` of Postgres. It travels as text, because the client does not ask the server for
 * the numbers of its array types; see `fetch_types` in `clientSettings`.
 */
export function bigints(sql: Queryable, numbers: readonly number[]) {
  return sql`${`{${numbers.join(',')}}`}::text::bigint[]`;
}

/** Runs `work` in a transaction: the caller's own, if `sql` is one, else a new one that commits when `work` resolves. */
export function inTransaction<T>(sql: Sql | Transaction, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return 'begin' in sql ? transaction(sql, work) : work(sql);
}

/** The five-digit SQLSTATE of an error that Postgres sent, e.g. `23505` for a unique violation. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.code : undefined;
}
