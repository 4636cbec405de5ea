/** The instrumentation scope of every span and instrument. */
export const SCOPE = 'tiercel';

/** Span names. The core passes them to its tracer as they are written here. */
export const SPANS = Object.freeze({
  lookup: 'cache.lookup',
  l2Get: 'cache.l2.get',
  load: 'cache.load',
  l2Fill: 'cache.l2.fill',
  invalidate: 'cache.invalidate',
} as const);

/** Attribute names of spans. */
export const ATTRIBUTES = Object.freeze({
  name: 'cache.name',
  /** What the caller asked for: `get`, `getOrSet`, `invalidate`, … */
  operation: 'cache.operation',
  /** `l1 | l2 | source`. */
  tier: 'cache.tier',
  /** `hit | stale | load | error`. */
  outcome: 'cache.outcome',
  hit: 'cache.hit',
  stale: 'cache.stale',
  collapsed: 'cache.collapsed',
  keyGroup: 'cache.key_group',
  breakerState: 'cache.breaker.state',
  bypassReason: 'cache.bypass.reason',
  errorType: 'error.type',
} as const);

/**
 * Metric names, written as Prometheus prints them: an exporter that adds `_total` or a unit leaves a name alone that
 * ends with it, so one spelling is found in code, collector, rules and dashboards.
 */
export const METRICS = Object.freeze({
  lookups: 'cache_lookups_total',
  lookupDuration: 'cache_lookup_duration_seconds',
  loads: 'cache_loads_total',
  collapsed: 'cache_collapsed_total',
  evictions: 'cache_evictions_total',
  entries: 'cache_entries',
  bytes: 'cache_size_bytes',
  breakerState: 'cache_breaker_state',
  breakerTransitions: 'cache_breaker_transitions_total',
  busMessages: 'cache_bus_messages_total',
  busGaps: 'cache_bus_gaps_total',
  proofAge: 'cache_proof_age_seconds',
  l1Suspended: 'cache_l1_suspended',
  invalidations: 'cache_invalidations_total',
  fillsRefused: 'cache_fills_refused_total',
  errors: 'cache_errors_total',
} as const);

/** Label names of metrics. */
export const LABELS = Object.freeze({ cache: 'cache', tier: 'tier', outcome: 'outcome', group: 'group' } as const);
