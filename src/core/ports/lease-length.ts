/** Bound on leases and claims. They are renewed while their load runs, so no instance needs a longer one. */
const LONGEST_MS = 30_000;

/**
 * Returns the longest time for which an instance believes the lease, the claim or the note of another one. A record
 * that lasts longer is broken, or another program wrote it. The tier gives it the length of a lease (protocol, race
 * 71).
 * @param leaseMs The `lease` of the call that meets the record. Another instance may have a longer one: up to twice as
 *   long, and half a minute in any case.
 */
export function longestLeaseMs(leaseMs: number): number {
  return Math.max(LONGEST_MS, 2 * leaseMs);
}
