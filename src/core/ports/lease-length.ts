/** Leases and claims are renewed while their load runs, so none need last for longer. */
const LONGEST_MS = 30_000;

/**
 * The longest time for which an instance believes the lease, the claim or the note of another one. A record that lasts longer
 * was written by another program, or is broken. It is given the length of a lease (protocol, race 71).
 * @param leaseMs The `lease` of the call that meets it. Another instance may have a longer one: up to twice as long, and
 *   half a minute in any case.
 */
export function longestLeaseMs(leaseMs: number): number {
  return Math.max(LONGEST_MS, 2 * leaseMs);
}
