import type { Lookup, TierStep } from '../../core/model/lookup.ts';

/** The largest integer of a structured field (RFC 8941 §3.3.1). */
const LARGEST_INTEGER = 999_999_999_999_999;

/**
 * Makes the `Cache-Status` field (RFC 9211) of a lookup. Each tier that was asked has one member, nearest to the source
 * first.
 *
 * The tier that answered is a `hit`, with the rest of the TTL in whole seconds: 0 or negative while stale, absent
 * without an end. The others name the reason why they forwarded: `fwd=uri-miss`, `fwd=stale`, or `fwd=bypass` with the
 * reason as `detail`.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { cacheStatus } from 'tiercel/elysia';
 * import { lru } from 'tiercel/lru';
 *
 * const cache = createCache({ name: 'catalog', l1: lru() });
 * cacheStatus(await cache.lookup('product:7', () => 1)); // 'tiercel-l1; fwd=uri-miss; stored'
 * cacheStatus(await cache.lookup('product:7', () => 1)); // 'tiercel-l1; hit; ttl=3480'
 * ```
 * @returns the field, or an empty text if no tier was asked.
 */
export function cacheStatus(lookup: Lookup<unknown>): string {
  return statusOf(lookup, undefined);
}

/** {@link cacheStatus}, with the reason why the caller has what was loaded not stored: the `detail` of each miss. */
export function statusOf(lookup: Lookup<unknown>, notStored: string | undefined): string {
  const { l1, l2 } = lookup.steps;
  if (l1 === undefined) return l2 === undefined ? '' : member('l2', l2, lookup, notStored);
  // Another caller of this process asked L2 for the load that this lookup joined.
  if (l2 === undefined || (l1.collapsed && lookup.tier !== 'l2')) return member('l1', l1, lookup, notStored);
  return `${member('l2', l2, lookup, notStored)}, ${member('l1', l1, lookup, notStored)}`;
}

function member(tier: 'l1' | 'l2', step: TierStep, lookup: Lookup<unknown>, notStored: string | undefined): string {
  const name = `tiercel-${tier}`;
  if (lookup.tier === tier && isNoHit(step, lookup)) {
    const detail = lookup.steps.source?.outcome === 'failed' ? 'source-error' : step.reason;
    const why = detail === undefined ? '' : `; detail=${detail}`;
    return `${name}; fwd=stale${remaining(lookup)}${why}${step.collapsed ? '; collapsed' : ''}`;
  }
  // This lookup joined the load of another caller. The value was not in the tier when the lookup asked for it.
  if (step.collapsed) return `${name}; ${step.outcome === 'hit' ? 'fwd=uri-miss' : forwarded(step)}; collapsed`;
  if (lookup.tier === tier) return `${name}; hit${remaining(lookup)}`;
  if (step.stored) return `${name}; ${forwarded(step)}; stored`;
  const why = notStored === undefined || step.outcome === 'bypass' ? '' : `; detail=${notStored}`;
  return `${name}; ${forwarded(step)}${why}`;
}

/**
 * Tells if a tier's value is an answer that the tier alone would not have given. The source was asked first, and failed
 * or took too long.
 */
function isNoHit(step: TierStep, { state, steps }: Lookup<unknown>): boolean {
  if (steps.source?.outcome === 'failed') return true;
  return state === 'stale' && (step.outcome === 'bypass' || step.collapsed);
}

function forwarded(step: TierStep): string {
  switch (step.outcome) {
    case 'miss':
      return 'fwd=uri-miss';
    case 'bypass':
      return step.reason === undefined ? 'fwd=bypass' : `fwd=bypass; detail=${step.reason}`;
    // The tier held a value, and the lookup returned another one.
    case 'hit':
    case 'stale':
      return 'fwd=stale';
  }
}

/** Makes the `ttl` parameter. A value without an end has none, and a stale value has never time left. */
function remaining({ state, ttl }: Lookup<unknown>): string {
  const ttlMs = state === 'stale' ? Math.min(ttl, 0) : ttl;
  if (!Number.isFinite(ttlMs)) return '';
  return `; ttl=${Math.max(-LARGEST_INTEGER, Math.min(LARGEST_INTEGER, Math.floor(ttlMs / 1_000)))}`;
}
