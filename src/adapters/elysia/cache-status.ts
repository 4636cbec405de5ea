import type { Lookup, TierStep } from '../../core/lookup.ts';

/** The largest integer of a structured field (RFC 8941 §3.3.1). */
const LARGEST_INTEGER = 999_999_999_999_999;

/**
 * The `Cache-Status` field (RFC 9211) of a lookup: one member for each tier that is configured and was asked, nearest
 * to the source first.
 *
 * A tier that answered is a `hit`, with the rest of the TTL in whole seconds (negative while stale). The others say why
 * they forwarded: `fwd=uri-miss`, `fwd=stale`, or `fwd=bypass` with the reason as `detail`.
 */
export function cacheStatus(lookup: Lookup<unknown>): string {
  const { l1, l2 } = lookup.steps;
  if (l2 === undefined) return l1 === undefined ? '' : member('l1', l1, lookup);
  if (l1 === undefined) return member('l2', l2, lookup);
  return `${member('l2', l2, lookup)}, ${member('l1', l1, lookup)}`;
}

function member(tier: 'l1' | 'l2', step: TierStep, lookup: Lookup<unknown>): string {
  const answered = lookup.tier === tier && (step.outcome === 'hit' || step.outcome === 'stale');
  if (!answered) return `tiercel-${tier}; ${forwarded(step)}${done(step)}`;
  // A tier that kept a stale value asked the source first, in vain: that is no hit.
  const how = lookup.steps.source?.outcome === 'failed' ? 'fwd=stale' : 'hit';
  const detail = how === 'hit' ? '' : '; detail=source-error';
  return `tiercel-${tier}; ${how}${remaining(lookup.ttl)}${detail}`;
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

function done(step: TierStep): string {
  return `${step.stored ? '; stored' : ''}${step.collapsed ? '; collapsed' : ''}`;
}

/** A value that never expires has no number to tell. */
function remaining(ttlMs: number): string {
  if (!Number.isFinite(ttlMs)) return '';
  return `; ttl=${Math.max(-LARGEST_INTEGER, Math.min(LARGEST_INTEGER, Math.floor(ttlMs / 1_000)))}`;
}
