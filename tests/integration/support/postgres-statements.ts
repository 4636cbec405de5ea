import type { PostgresServer } from '../../support/postgres-server.ts';

/** Settings under which PostgreSQL writes each statement into its log before it answers it. */
export const LOG_STATEMENTS = { log_statement: 'all' } as const;

/** Counts executions in PostgreSQL's own log. */
export interface StatementCounter {
  /** How often a statement that matches was executed since the counter was made. */
  count(statement: RegExp): number;
}

/** Begins to count now. The server must have been started with {@link LOG_STATEMENTS}. */
export function countStatements(server: PostgresServer): StatementCounter {
  const start = server.log().length;
  return {
    count(statement) {
      // A statement of several lines goes on until the next line that begins with a time and a process.
      const entries = server
        .log()
        .slice(start)
        .split(/\n(?=\d{4}-\d\d-\d\d )/);
      return entries.filter((entry) => /LOG: {2}(?:execute |statement: )/.test(entry) && statement.test(entry)).length;
    },
  };
}
