import { type Entry, freshnessOf, mayServeOnError } from '../model/entry.ts';
import type { TierStep } from '../model/lookup.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { type RefillResult, toRefillResult } from '../state/refill-result.ts';

/** A value that answers if the load fails, and the tier that held it. */
export interface Fallback {
  readonly entry: Entry | undefined;
  readonly tier: 'l1' | 'l2';
}

/** Offers a value within `staleIfError` to callers whose `softTimeout` runs out before the flight ends. */
export function offerStale(
  { clock }: Pick<CacheContext, 'clock'>,
  flight: Flight<RefillResult>,
  { entry, tier }: Fallback,
  l2: TierStep | undefined,
): void {
  if (!mayServeOnError(entry, clock.now())) return;
  flight.offer(toRefillResult(entry, 'stale', tier, tier === 'l1', l2, undefined), entry);
}

/** Lets the value of L2 answer callers who join a refresh, so that none of them waits for the value that replaces it. */
export function offerStandIn(
  { clock }: Pick<CacheContext, 'clock'>,
  flight: Flight<RefillResult>,
  entry: Entry,
  l2: TierStep,
): void {
  const state = freshnessOf(entry, clock.now());
  if (state !== 'fresh' && state !== 'stale') return;
  const answer = toRefillResult(entry, state, 'l2', false, l2, undefined);
  const until = state === 'fresh' ? entry.freshUntil : entry.staleUntil;
  flight.standInWith({
    answer,
    serves: () => clock.now() < until && !flight.hasEnded(answer.tags),
  });
}
