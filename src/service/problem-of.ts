import { DuplicateSkuError, UnknownReferenceError } from '../catalog/errors.ts';
import { CacheClosedError, LoadShedError, LoadTimeoutError } from '../core/errors.ts';
import { Problem } from './problem.ts';

/** Of the `postgres` client, and of the sockets below it: the database cannot be asked. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
]);

/** What the client may know of an error; `undefined` for one that nobody expected. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof UnknownReferenceError) return new Problem(error.kind === 'org' ? 404 : 400, error.message);
  if (error instanceof DuplicateSkuError) return new Problem(409, error.message);
  if (error instanceof LoadShedError) return unavailable('Too much is being loaded already', error.retryAfterMs);
  if (error instanceof LoadTimeoutError) return unavailable('The source took too long');
  if (error instanceof CacheClosedError) return unavailable('The service is shutting down');
  if (isUnreachable(error)) return unavailable('The source cannot be reached');
  return undefined;
}

function unavailable(detail: string, retryAfterMs = 1_000): Problem {
  return new Problem(503, detail, { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) });
}

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  // SQLSTATE classes: 08 connection, 53 out of resources, 57P the server goes down or comes up; 57014 a cancelled query.
  return UNREACHABLE.has(error.code) || /^(?:08...|53...|57P..|57014)$/.test(error.code);
}
