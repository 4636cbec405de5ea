import type { ReadRecord } from '../history.ts';
import { keyNamed } from '../keys.ts';
import type { Policy } from '../plan.ts';
import { describeRead, ms, type Violation } from './violation.ts';

/** How far the server's clock is from time from a moment on. */
interface ClockStep {
  readonly since: number;
  readonly offset: number;
}

/** A value is stamped no later than this after its load began, and served from L1 no longer than this after L2 gave it. */
const LONGEST_WAY_MS = 8_000;

/**
 * I3: what is handed out as fresh is no older than its TTL, what is flagged no older than its window as well. Measured by
 * when the database gave the row out, not by what the cache says of its age.
 * @param slackMs How wrong ages may be: a heartbeat's round trip.
 * @param serverClock A server whose clock was moved back makes values seem younger by as much. That is no excuse for a value
 *   whose stamp lies in the future then: its age is unknown.
 */
export function checkWindow(
  reads: readonly ReadRecord[],
  policies: Readonly<Record<string, Policy>>,
  slackMs: number,
  serverClock: readonly ClockStep[],
): Violation[] {
  const moved = serverClock.reduce(
    (sum, { offset }, index) => sum + Math.abs(offset - (serverClock[index - 1]?.offset ?? 0)),
    0,
  );
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
    const isFromTheFuture = age + slackMs < movedBack(serverClock, row.loadedAt, end);
    if (age <= windowMs + slackMs + (isFromTheFuture ? 0 : moved)) return [];
    return [
      { invariant: 'I3', at: end, message: `${describeRead(read)}, ${ms(age)} old, with ${ms(windowMs)} allowed` },
    ];
  });
}

/** By how much the server's clock was moved back, at least, between the stamp of a row and the moment L2 gave it. */
function movedBack(serverClock: readonly ClockStep[], loadedAt: number, end: number): number {
  const stamped = offsetsBetween(serverClock, loadedAt, Math.min(loadedAt + LONGEST_WAY_MS, end));
  const given = offsetsBetween(serverClock, Math.max(end - LONGEST_WAY_MS, loadedAt), end);
  return Math.min(...stamped) - Math.max(...given);
}

/** Every offset that the clock had between two moments. */
function offsetsBetween(serverClock: readonly ClockStep[], from: number, to: number): number[] {
  return serverClock
    .filter(({ since }, index) => since <= to && (serverClock[index + 1]?.since ?? Infinity) > from)
    .map(({ offset }) => offset);
}
