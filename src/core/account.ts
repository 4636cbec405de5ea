import type { Lookup } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { ReadRequest } from './read-request.ts';
import type { Refilled } from './refilled.ts';
import { ATTRIBUTE } from './telemetry-names.ts';
import type { Attributes } from './tracer.ts';

/** Counts what came of a lookup, and tells of it. */
export function account(parts: Parts, request: ReadRequest, lookup: Lookup<unknown>): void {
  count(request, lookup, lookup.steps.source);
  parts.emit({ type: 'lookup', key: request.key, lookup });
}

/** The same for one that failed; answers its error. */
export function accountError(parts: Parts, { counters, key }: ReadRequest, error: unknown): unknown {
  counters.errors += 1;
  parts.emit({ type: 'lookup_failed', key, error });
  return error;
}

export function count(
  { counters }: Pick<ReadRequest, 'counters'>,
  { tier, state }: Pick<Refilled, 'tier' | 'state'>,
  source: Refilled['source'],
): void {
  if (tier === 'l1') counters[state === 'fresh' ? 'l1Hits' : 'l1Stale'] += 1;
  else if (tier === 'l2') counters[state === 'fresh' ? 'l2Hits' : 'l2Stale'] += 1;
  if (source?.outcome === 'loaded' || tier === 'source') counters.misses += 1;
}

function outcomeOf({ state, tier }: Pick<Refilled, 'state' | 'tier'>): 'stale' | 'load' | 'hit' {
  if (state === 'stale') return 'stale';
  return tier === 'source' ? 'load' : 'hit';
}

/** A lookup in a span's terms. */
export function outcomeAttributes({ remote }: Parts, { tier, state, collapsed, steps }: Lookup<unknown>): Attributes {
  const reason = steps.l2?.reason ?? steps.l1?.reason;
  return {
    [ATTRIBUTE.tier]: tier,
    [ATTRIBUTE.outcome]: outcomeOf({ state, tier }),
    [ATTRIBUTE.hit]: tier !== 'source',
    [ATTRIBUTE.stale]: state === 'stale',
    [ATTRIBUTE.collapsed]: collapsed || (steps.l2?.collapsed ?? false),
    ...(remote && { [ATTRIBUTE.breakerState]: remote.breaker.state.kind }),
    ...(reason !== undefined && { [ATTRIBUTE.bypassReason]: reason }),
  };
}
