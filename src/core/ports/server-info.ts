/** What an L2 server tells of itself, from its start where nothing else is said. What it does not tell is 0. */
export interface RemoteInfo {
  readonly version: string;
  readonly uptimeMs: number;
  /** All keys of the database, other applications' included. */
  readonly keys: number;
  readonly memory: {
    readonly usedBytes: number;
    readonly peakBytes: number;
    /** `Infinity` for none. */
    readonly limitBytes: number;
    /** Memory taken from the system by memory used. */
    readonly fragmentationRatio: number;
    /** `noeviction`: a full server refuses what would need room. Others, such as `allkeys-lru`, make room. */
    readonly evictionPolicy: string;
  };
  readonly commands: {
    /** At this moment, whoever sends them. */
    readonly perSecond: number;
    /** Keys that were asked for and there, by whoever asks. */
    readonly hits: number;
    readonly misses: number;
    /** `hits / (hits + misses)`; 0 before the first. */
    readonly hitRate: number;
    readonly evictedKeys: number;
    readonly expiredKeys: number;
    /** By the server's names, such as `get`, `config|get`. */
    readonly byName: Readonly<
      Record<
        string,
        {
          readonly calls: number;
          readonly meanMicros: number;
          /** Ended with an error. */
          readonly failed: number;
          /** Not begun: no right, no memory. */
          readonly rejected: number;
        }
      >
    >;
  };
  readonly clients: {
    readonly connected: number;
    readonly blocked: number;
    /** Turned away because there were too many. */
    readonly rejected: number;
  };
  readonly persistence: {
    /** Milliseconds since 1970. */
    readonly lastSaveAt: number;
    readonly changesSinceSave: number;
    readonly lastSaveOk: boolean;
    readonly aofEnabled: boolean;
    readonly aofOk: boolean;
  };
}
