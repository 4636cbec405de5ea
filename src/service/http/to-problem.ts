import { isUnavailable } from '../../adapters/postgres/index.ts';
import { DuplicateSkuError, UnknownReferenceError } from '../../catalog/errors.ts';
import { BreakerOpenError, CacheClosedError, LoadShedError, LoadTimeoutError } from '../../core/model/errors.ts';
import { Problem } from './problem.ts';

/** Translates an error for the client; `undefined` for an unexpected error. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof UnknownReferenceError) return new Problem(error.kind === 'org' ? 404 : 400, error.message);
  if (error instanceof DuplicateSkuError) return new Problem(409, error.message);
  if (error instanceof LoadShedError) return unavailable('Too much is being loaded already', error.retryAfterMs);
  if (error instanceof BreakerOpenError) return unavailable('The source cannot be reached', error.retryAfterMs);
  if (error instanceof LoadTimeoutError) return unavailable('The source took too long');
  if (error instanceof CacheClosedError) return unavailable('The service is shutting down');
  if (isUnavailable(error)) return unavailable('The source cannot be reached');
  return undefined;
}

function unavailable(detail: string, retryAfterMs = 1_000): Problem {
  return new Problem(503, detail, { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) });
}
