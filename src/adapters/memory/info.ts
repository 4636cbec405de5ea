import type { RemoteInfo } from '../../core/ports/server-info.ts';
import type { Contents } from './contents.ts';

/** What a record takes beside its body; about what Redis needs. */
const RECORD_BYTES = 100;

/** What else a {@link RemoteInfo} tells of a run. */
export interface RunFacts {
  readonly uptimeMs: number;
  readonly full: boolean;
  readonly evictedKeys: number;
}

/** What a server would say of itself. It counts no commands and saves nothing, and has a limit only while it is full. */
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
