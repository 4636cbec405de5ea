import type { Snapshot } from '../../../src/service/alerts/snapshot.ts';

/** Everything as it should be, with traffic enough to tell. */
export const WELL: Snapshot = {
  isRedisDown: false,
  isSourceDown: false,
  isL1Suspended: false,
  relay: { lagMs: 0, healthy: true },
  redisMemory: { usedBytes: 50, limitBytes: 100, evictionPolicy: 'noeviction' },
  isEvicting: false,
  lookups: { answers: 10_000, hitRatio: 0.95 },
  requests: { answers: 10_000, p99Ms: 20 },
};
