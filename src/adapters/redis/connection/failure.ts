import { RemoteError, type RemoteFailure } from '../../../core/ports/remote-tier.ts';

/** Redis's error codes, the first word of an error reply. What is not here is `error`. */
const FAILURES: Readonly<Record<string, RemoteFailure>> = {
  OOM: 'full',
  NOPERM: 'denied',
  NOAUTH: 'denied',
  WRONGPASS: 'denied',
  WRONGTYPE: 'denied',
  LOADING: 'unavailable',
  BUSY: 'unavailable',
  MASTERDOWN: 'unavailable',
  CLUSTERDOWN: 'unavailable',
  NOREPLICAS: 'unavailable',
  READONLY: 'unavailable',
  // Cannot save to its disk, and therefore takes no writes.
  MISCONF: 'unavailable',
};

/** Redis 7.0 has no code for a right that is missing inside a script; later ones say `NOPERM`. */
const DENIED_IN_SCRIPT = /^ERR The user executing the script can't /;

/** Matches the error of a request that no server could carry out. Inside a script the same words come first. */
const INVALID =
  /^ERR (?:value is not |invalid expire time|syntax error|wrong number of arguments|unknown (?:sub)?command|.*(?:out of range|exceeds maximum allowed size))/i;

/** Translates an error into the port's words; the client's own error is the cause. */
export function toRemoteError(error: unknown): RemoteError {
  if (error instanceof RemoteError) return error;
  if (!(error instanceof Error)) return new RemoteError('error', String(error), { cause: error });
  return new RemoteError(failureOf(error), error.message, { cause: error });
}

function failureOf(error: Error): RemoteFailure {
  if (error.name === 'ReplyError') return FAILURES[codeOf(error)] ?? failureInWords(error.message);
  // A request that the client could not even send says nothing about the server.
  if (error instanceof TypeError || error instanceof RangeError) return 'invalid';
  // A certificate that is not trusted, not valid any more, or of another host.
  if ('code' in error && /CERT|SIGNATURE/.test(String(error.code))) return 'denied';
  // The rest comes from the connection: refused, reset, closed, timed out, aborted.
  return 'unavailable';
}

function failureInWords(message: string): RemoteFailure {
  if (DENIED_IN_SCRIPT.test(message)) return 'denied';
  return INVALID.test(message) ? 'invalid' : 'error';
}

/** The first word of an error reply: `NOSCRIPT`, `OOM`. */
export function codeOf(error: Error): string {
  return /^[A-Z]+/.exec(error.message)?.[0] ?? '';
}

/** True when Redis answered with this error code. */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.name === 'ReplyError' && codeOf(error) === code;
}
