/** Makes the settings of the `postgres` client. The client counts in seconds, Postgres itself in milliseconds. */
export function clientSettings(pool: number, applicationName: string) {
  return {
    max: pool,
    /** Seconds, here and in the next line. */
    connect_timeout: 5,
    idle_timeout: 300,
    backoff: reconnectDelay,
    onnotice: ignore,
    // A new connection would ask the server for its array types, by a query that belongs to no caller. If the server
    // ends the connection during that query, its rejection is handled nowhere and ends the process.
    fetch_types: false,
    types: NUMBERS,
    connection: {
      application_name: applicationName,
      /** Milliseconds, here and in the next line. These limits are the last net under loads whose caller has gone. */
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 30_000,
    },
  };
}

/**
 * Returns the seconds before a lost connection is opened again: 20 ms doubling to half a second, less up to half of it
 * by chance. Queries wait for it, and the client's own limit of 20 s would outlive most callers.
 */
function reconnectDelay(attempt: number): number {
  return Math.min(0.02 * 2 ** attempt, 0.5) * (0.5 + Math.random() / 2);
}

/** Converts columns that arrive as text by default, because a number may not hold them. */
const NUMBERS = {
  bigint: { to: 20, from: [20], serialize: String, parse: safeInteger },
  /** The conversion is exact. The catalog's numerics have at most 12 digits, and a JavaScript number holds 15. */
  numeric: { to: 1700, from: [1700], serialize: String, parse: Number },
};

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`The database sent ${text}, which no JavaScript number holds exactly`);
  return value;
}

function ignore(): void {}
