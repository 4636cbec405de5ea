/** Codes of the `postgres` client, and of the sockets below it, for a database that cannot be asked. */
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
 * Tells if an error means that the database could not be asked or could not answer: a connection refused or closed, a
 * server that goes down or comes up, no connections left, a statement that ran out of time. A request that the database
 * refused is not such an error: a key that exists already, for example.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { isUnavailable } from 'tiercel/postgres';
 *
 * const cache = createCache({ name: 'shop', l1: lru(), source: { isFailure: isUnavailable } });
 * ```
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  // SQLSTATE classes: 08 connection, 53 out of resources, 57P the server goes down or comes up. 57014 is a cancelled
  // query.
  return UNREACHABLE.has(error.code) || /^(?:08...|53...|57P..|57014)$/.test(error.code);
}
