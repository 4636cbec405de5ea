/** The state at one moment, which rules judge. */
export interface Snapshot {
  readonly isRedisDown: boolean;
  readonly isSourceDown: boolean;
  /** True while L1 does not answer, because this instance cannot prove that it missed no invalidation. */
  readonly isL1Suspended: boolean;
  /** `undefined` without an outbox and an L2. */
  readonly relay: { readonly lagMs: number | undefined; readonly healthy: boolean } | undefined;
  /** `limitBytes` is `Infinity` for no limit. `undefined` until Redis has reported its memory. */
  readonly redisMemory:
    | { readonly usedBytes: number; readonly limitBytes: number; readonly evictionPolicy: string }
    | undefined;
  /** True if Redis drops keys to make room. */
  readonly isEvicting: boolean;
  /**
   * The answers of the cache in the window, and the share of them that needed no loader. `undefined` before there is a
   * window.
   */
  readonly lookups: { readonly answers: number; readonly hitRatio: number } | undefined;
  /** The answers of the data routes in the window, and the duration that one in a hundred of them reaches. */
  readonly requests: { readonly answers: number; readonly p99Ms: number };
}
