/** Of the `postgres` client, and of the sockets below it: the database cannot be asked. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
]);

/**
 * Whether an error means that the database could not be asked or could not answer: refused, closed, going down or coming
 * up, out of connections, a statement that ran out of time. For `createCache({ source: { isFailure: isUnavailable } })`.
 * What the database was asked and refused, a key that is there already for instance, is none of that.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  // SQLSTATE classes: 08 connection, 53 out of resources, 57P the server goes down or comes up; 57014 a cancelled query.
  return UNREACHABLE.has(error.code) || /^(?:08...|53...|57P..|57014)$/.test(error.code);
}
