/** Names of the steps that the core traces. */
export const SPAN = {
  lookup: 'cache.lookup',
  l2Get: 'cache.l2.get',
  load: 'cache.load',
  l2Fill: 'cache.l2.fill',
  invalidate: 'cache.invalidate',
} as const;

/** Attributes of those steps; all of low cardinality, never a key. */
export const ATTRIBUTE = {
  name: 'cache.name',
  operation: 'cache.operation',
  tier: 'cache.tier',
  outcome: 'cache.outcome',
  hit: 'cache.hit',
  stale: 'cache.stale',
  collapsed: 'cache.collapsed',
  keyGroup: 'cache.key_group',
  breakerState: 'cache.breaker.state',
  bypassReason: 'cache.bypass.reason',
  dbSystem: 'db.system.name',
} as const;
