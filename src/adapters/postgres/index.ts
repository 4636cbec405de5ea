export { type CancellableQuery, cancellable } from './cancellable.ts';
export { type ChangedTable, OutboxDeclarationError } from './changed-table.ts';
export { type OutboxOptions, outbox, PostgresOutbox } from './outbox.ts';
export { dropOutboxSql, outboxSql } from './outbox-sql.ts';
export { transaction } from './transaction.ts';
export { isUnavailable } from './unavailable.ts';
