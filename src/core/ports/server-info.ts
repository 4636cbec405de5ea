/**
 * Figures that an L2 server reports of itself. They count from its start, unless a field says otherwise. A figure that
 * the server does not report is 0.
 */
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
    /** Ratio of the memory taken from the system to the memory used. */
    readonly fragmentationRatio: number;
    /** `noeviction`: a full server refuses requests that need room. Others, such as `allkeys-lru`, make room. */
    readonly evictionPolicy: string;
  };
  readonly commands: {
    /** Commands of all clients at this moment. */
    readonly perSecond: number;
    /** Requests of all clients for a key that was there. */
    readonly hits: number;
    readonly misses: number;
    /** `hits / (hits + misses)`; 0 before the first. */
    readonly hitRate: number;
    readonly evictedKeys: number;
    readonly expiredKeys: number;
    /** Counts by the server's name of a command, such as `get`, `config|get`. */
    readonly byName: Readonly<
      Record<
        string,
        {
          readonly calls: number;
          readonly meanMicros: number;
          /** Calls that ended with an error. */
          readonly failed: number;
          /** Calls that the server did not begin, for want of a right or of memory. */
          readonly rejected: number;
        }
      >
    >;
  };
  readonly clients: {
    readonly connected: number;
    readonly blocked: number;
    /** Connections refused because there were too many. */
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
