/** What rules look at: everything that is known at one moment. */
export interface Snapshot {
  readonly isRedisDown: boolean;
  readonly isSourceDown: boolean;
  /** Whether L1 does not answer, because this instance cannot show that it missed no invalidation. */
  readonly isL1Suspended: boolean;
  /** `undefined` without an outbox and an L2. */
  readonly relay: { readonly lagMs: number | undefined; readonly healthy: boolean } | undefined;
  /** `limitBytes` is `Infinity` for none. `undefined` while Redis has not said. */
  readonly redisMemory:
    | { readonly usedBytes: number; readonly limitBytes: number; readonly evictionPolicy: string }
    | undefined;
  /** Whether Redis drops keys to make room. */
  readonly isEvicting: boolean;
  /** Answers of the cache in the window, and which part of them no loader had to give; `undefined` before there is one. */
  readonly lookups: { readonly answers: number; readonly hitRatio: number } | undefined;
  /** Answers of the data routes in the window, and the duration that one in a hundred reaches. */
  readonly requests: { readonly answers: number; readonly p99Ms: number };
}
