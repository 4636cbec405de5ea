import type { ReadRecord } from '../history.ts';
import { keyNamed } from '../keys.ts';
import type { Policy } from '../plan.ts';
import { describeRead, ms, type Violation } from './violation.ts';

/**
 * I3: what is handed out as fresh is no older than its TTL, what is flagged no older than its window as well. Measured by
 * when the database gave the row out, not by what the cache says of its age.
 * @param slackMs How wrong ages may be: a heartbeat's round trip, and by how much the server's clock was moved.
 */
export function checkWindow(
  reads: readonly ReadRecord[],
  policies: Readonly<Record<string, Policy>>,
  slackMs: number,
): Violation[] {
  return reads.flatMap((read) => {
    const { key, row, end, flagged, tier } = read;
    const policy = policies[key];
    if (row === undefined || policy === undefined) return [];
    // What was just loaded is handed out however long the load took; a row that was written through counts from when it
    // reached the cache, which nobody knows.
    if (tier === 'source' || keyNamed(key).writtenThrough) return [];
    const { ttl, staleWhileRevalidate, staleIfError } = policy;
    const windowMs = ttl + (flagged ? Math.max(staleWhileRevalidate, staleIfError) : 0);
    const age = end - row.loadedAt;
    if (age <= windowMs + slackMs) return [];
    return [
      { invariant: 'I3', at: end, message: `${describeRead(read)}, ${ms(age)} old, with ${ms(windowMs)} allowed` },
    ];
  });
}
