import type { LoadOutcome } from '../ports/load-outcome.ts';
import type { RemoteTier } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import type { ReadRequest } from '../state/request.ts';

/** The right to fill a key in L2, as the fill will have to show it. */
export interface Lease {
  /** The fill replaces exactly this: the lease, or the value that was seen. */
  readonly expected: { readonly kind: 'lease' | 'value'; readonly token: string };
  /** A refresh claim to give back with the fill. */
  readonly claim: string | undefined;
  /** The generation in which it was granted. */
  readonly generation: string;
}

/** Extends a lease or a refresh claim at each third of its life while the load runs, so that it only lapses if this process does. */
export function keepLeaseAlive(
  context: CacheContext,
  { id, key, options }: Pick<ReadRequest, 'id' | 'key' | 'options'>,
  lease: Lease | undefined,
): () => void {
  const { clock, l2, background } = context;
  if (l2 === undefined || lease === undefined) return () => {};
  const { generation, expected, claim } = lease;
  // `forceFresh` replaces a value without a claim, so it has no right that could lapse.
  if (expected.kind === 'value' && claim === undefined) return () => {};
  const { leaseMs } = options;
  const extend = (tier: RemoteTier): Promise<boolean> =>
    claim === undefined
      ? tier.renew(id, generation, expected.token, leaseMs)
      : tier.renewRefresh(id, generation, claim, leaseMs);
  const operation = { name: 'renew', budgetMs: options.l2TimeoutMs, key, background: true };
  const renew = (): void => {
    cancel = clock.after(leaseMs / 3, renew);
    background.track(l2.ask(operation, extend));
  };
  let cancel = clock.after(leaseMs / 3, renew);
  return () => cancel();
}

/** Each waiter asks again within this time, so it meets every note. */
const SHORTEST_NOTE_MS = 60;

const LONGEST_NOTE_MS = 1_000;

/**
 * Says in L2 that the load of a right ended without a value for L2. Instances that wait for it load at once then, each for
 * itself. Without the note they would take the lease one after the other (protocol, race 54).
 * @param loadMs The duration of the load. The note lives as long, within bounds.
 */
export function leaveOutcome(
  context: CacheContext,
  { id, key, options }: ReadRequest,
  lease: Lease | undefined,
  { outcome, loadMs }: { readonly outcome: LoadOutcome; readonly loadMs: number },
): void {
  const { l2, background } = context;
  if (l2 === undefined || lease === undefined) return;
  const { claim, generation, expected } = lease;
  const keepFor = Math.min(Math.max(loadMs, SHORTEST_NOTE_MS), LONGEST_NOTE_MS);
  const operation = { name: 'outcome', budgetMs: options.l2TimeoutMs, key, background: true };
  const note = { id, generation, outcome, keepFor } as const;
  if (claim !== undefined)
    background.track(l2.ask(operation, (tier) => tier.leaveOutcome({ ...note, of: 'claim', token: claim })));
  if (expected.kind === 'lease')
    background.track(l2.ask(operation, (tier) => tier.leaveOutcome({ ...note, of: 'lease', token: expected.token })));
}

/** Gives a right back unused, so that no waiting flight has to see it lapse. */
export function releaseLease(context: CacheContext, { id, key, options }: ReadRequest, lease: Lease | undefined): void {
  const { l2, background } = context;
  if (l2 === undefined || lease === undefined) return;
  const { claim, generation, expected } = lease;
  const operation = { name: 'release', budgetMs: options.l2TimeoutMs, key, background: true };
  if (claim !== undefined) background.track(l2.ask(operation, (tier) => tier.releaseRefresh(id, generation, claim)));
  if (expected.kind === 'lease')
    background.track(l2.ask(operation, (tier) => tier.release(id, generation, expected.token)));
}
