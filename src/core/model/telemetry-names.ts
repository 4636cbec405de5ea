/** Names of the steps that the core traces. */
export const SPAN = {
  lookup: 'cache.lookup',
  l2Get: 'cache.l2.get',
  load: 'cache.load',
  l2Fill: 'cache.l2.fill',
  invalidate: 'cache.invalidate',
} as const;

/** Attributes of those steps. All have few values, and none holds a key. */
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
  /** For a call with many keys: the number that L1 did not answer outright, and the tiers that answered those. */
  keys: 'cache.keys',
  keysFromL1: 'cache.keys.l1',
  keysFromL2: 'cache.keys.l2',
  keysFromSource: 'cache.keys.source',
  keysFailed: 'cache.keys.failed',
  dbSystem: 'db.system.name',
} as const;
