export { ATTRIBUTE, SPAN } from '../core/model/telemetry-names.ts';

/** The instrumentation scope of every span and instrument. */
export const SCOPE = 'tiercel';

/** The attribute that names the failure on spans that failed. The core defines the other attributes. */
export const ERROR_TYPE = 'error.type';

/**
 * Metric names, written as Prometheus prints them. An exporter that adds `_total` or a unit does not add it a second
 * time. One spelling is therefore found in code, collector, rules and dashboards.
 */
export const METRIC = Object.freeze({
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
  relayLag: 'cache_relay_lag_seconds',
} as const);

/** Label names of metrics. */
export const LABEL = Object.freeze({ cache: 'cache', tier: 'tier', outcome: 'outcome', group: 'group' } as const);
