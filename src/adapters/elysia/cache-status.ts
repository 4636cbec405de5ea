import type { Lookup, TierStep } from '../../core/model/lookup.ts';

/** The largest integer of a structured field (RFC 8941 §3.3.1). */
const LARGEST_INTEGER = 999_999_999_999_999;

/**
 * The `Cache-Status` field (RFC 9211) of a lookup: one member for each tier that was asked, nearest to the source first.
 *
 * The tier that answered is a `hit`, with the rest of the TTL in whole seconds (0 or negative while stale). The others say why
 * they forwarded: `fwd=uri-miss`, `fwd=stale`, or `fwd=bypass` with the reason as `detail`.
 */
export function cacheStatus(lookup: Lookup<unknown>): string {
  const { l1, l2 } = lookup.steps;
  if (l1 === undefined) return l2 === undefined ? '' : member('l2', l2, lookup);
  // A load that was joined in this process was asked of L2 by somebody else.
  if (l2 === undefined || (l1.collapsed && lookup.tier !== 'l2')) return member('l1', l1, lookup);
  return `${member('l2', l2, lookup)}, ${member('l1', l1, lookup)}`;
}

function member(tier: 'l1' | 'l2', step: TierStep, lookup: Lookup<unknown>): string {
  const name = `tiercel-${tier}`;
  if (lookup.tier === tier && isNoHit(step, lookup)) {
    const detail = lookup.steps.source?.outcome === 'failed' ? 'source-error' : step.reason;
    const why = detail === undefined ? '' : `; detail=${detail}`;
    return `${name}; fwd=stale${remaining(lookup)}${why}${step.collapsed ? '; collapsed' : ''}`;
  }
  // A value that somebody else was just loading was not there when it was asked for.
  if (step.collapsed) return `${name}; ${step.outcome === 'hit' ? 'fwd=uri-miss' : forwarded(step)}; collapsed`;
  if (lookup.tier === tier) return `${name}; hit${remaining(lookup)}`;
  return `${name}; ${forwarded(step)}${step.stored ? '; stored' : ''}`;
}

/**
 * Whether a tier's value answers that it would not have given by itself: the source was asked first, and failed or took too
 * long.
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
    // It held something, and something else was handed out.
    case 'hit':
    case 'stale':
      return 'fwd=stale';
  }
}

/** A value that never expires has no number to tell; one that is stale has never time left. */
function remaining({ state, ttl }: Lookup<unknown>): string {
  const ttlMs = state === 'stale' ? Math.min(ttl, 0) : ttl;
  if (!Number.isFinite(ttlMs)) return '';
  return `; ttl=${Math.max(-LARGEST_INTEGER, Math.min(LARGEST_INTEGER, Math.floor(ttlMs / 1_000)))}`;
}
