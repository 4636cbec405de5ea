import postgres, { type ISql, type Sql as PostgresSql, type TransactionSql } from 'postgres';
import { transaction } from '../adapters/postgres/index.ts';

/** A pool of connections, made by `openDatabase`. */
export type Sql = PostgresSql;

/** A transaction. Its opener commits it. */
export type Transaction = TransactionSql;

/** A pool or a transaction, on which a query runs. */
export type Queryable = ISql;

/**
 * Writes a list of whole numbers as a `bigint[]` of Postgres. It travels as text, because the client does not ask the
 * server for the numbers of its array types; see `fetch_types` in `clientSettings`.
 */
export function bigints(sql: Queryable, numbers: readonly number[]) {
  return sql`${`{${numbers.join(',')}}`}::text::bigint[]`;
}

/**
 * Runs `work` in a transaction: the caller's own, if `sql` is one, else a new one that commits when `work` resolves.
 */
export function inTransaction<T>(sql: Sql | Transaction, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return 'begin' in sql ? transaction(sql, work) : work(sql);
}

/** Returns the five-digit SQLSTATE of an error that Postgres sent, such as `23505` for a unique violation. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.code : undefined;
}
