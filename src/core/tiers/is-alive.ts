import { RemoteError, type RemoteFailure } from '../ports/remote-tier.ts';

/**
 * True when a server refused for a reason of its own. Such a server is alive, so opening the breaker would not help,
 * and one wrong request says nothing about those of other callers.
 */
export function isAlive(error: unknown): boolean {
  return error instanceof RemoteError && ALIVE.has(error.failure);
}

const ALIVE: ReadonlySet<RemoteFailure> = new Set<RemoteFailure>(['denied', 'full', 'invalid']);
