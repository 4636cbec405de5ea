import type { RemoteInfo } from '../../core/ports/server-info.ts';
import type { Contents } from './contents.ts';

/** Size of a record without its body. It is about the size that Redis needs. */
const RECORD_BYTES = 100;

/** The other facts of a run that a {@link RemoteInfo} reports. */
export interface RunFacts {
  readonly uptimeMs: number;
  readonly full: boolean;
  readonly evictedKeys: number;
}

/**
 * Returns the figures that a server would report. It counts no commands and saves nothing. It has a limit only while it
 * is full.
 */
export function memoryInfo(contents: Contents, { uptimeMs, full, evictedKeys }: RunFacts): RemoteInfo {
  const usedBytes = contents.names().length * RECORD_BYTES + contents.bodyBytes();
  return {
    version: 'memory',
    uptimeMs,
    keys: contents.names().length,
    memory: {
      usedBytes,
      peakBytes: usedBytes,
      limitBytes: full ? Math.max(usedBytes, 1) : Infinity,
      fragmentationRatio: 1,
      evictionPolicy: 'noeviction',
    },
    commands: { perSecond: 0, hits: 0, misses: 0, hitRate: 0, evictedKeys, expiredKeys: 0, byName: {} },
    clients: { connected: 1, blocked: 0, rejected: 0 },
    persistence: { lastSaveAt: 0, changesSinceSave: 0, lastSaveOk: true, aofEnabled: false, aofOk: true },
  };
}
