import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Returns the number of sockets and files that this process may open; `undefined` where the system does not tell. */
export function descriptorLimit(): number | undefined {
  try {
    const text = process.platform === 'linux' ? fromProc() : execFileSync('/bin/sh', ['-c', 'ulimit -n']).toString();
    return toNumber(text.trim());
  } catch {
    return undefined;
  }
}

/**
 * Warns about a limit that is lower than twice the requests under way; `undefined` when it is high enough. Each request has
 * a connection, and its load may need another.
 */
export function descriptorWarning(limit: number | undefined, maxRequests: number): string | undefined {
  if (limit === undefined || limit >= 2 * maxRequests) return undefined;
  return `This process may open ${limit} files and sockets, and MAX_REQUESTS=${maxRequests} can take twice as many as it says: raise the limit (ulimit -n ${2 * maxRequests}), or lower MAX_REQUESTS`;
}

/** Reads the soft limit from the line `Max open files  <soft>  <hard>  files`. */
function fromProc(): string {
  return /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '';
}

function toNumber(text: string): number | undefined {
  if (text === 'unlimited') return Infinity;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
