import type { CacheHealth } from '../../core/stats.ts';

type RemoteHealth = NonNullable<CacheHealth['l2']>;

/**
 * Describes the health of L2 for `GET /api/v1/cache/health`. A figure that is not known yet is null, and so is a missing
 * limit.
 */
export function remoteHealth({ server, serverAgeMs, isMemoryNearLimit, isEvicting, ...l2 }: RemoteHealth): object {
  return {
    ...l2,
    latencyMs: l2.latencyMs ?? null,
    keyCount: server?.keys ?? null,
    memoryBytes: server?.memory.usedBytes ?? null,
    memory: server === undefined ? null : memoryOf(server.memory, isMemoryNearLimit),
    evicting: isEvicting,
    serverAgeMs: serverAgeMs ?? null,
  };
}

function memoryOf({ usedBytes, limitBytes }: { usedBytes: number; limitBytes: number }, nearLimit: boolean): object {
  return { usedBytes, limitBytes: Number.isFinite(limitBytes) ? limitBytes : null, nearLimit };
}

/** Advises the operator on the memory of Redis; `undefined` when there is nothing to do. */
export function memoryAdvice(l2: RemoteHealth | undefined): string | undefined {
  if (l2?.isEvicting) {
    return 'Redis drops keys to make room: raise maxmemory or shorten TTLs if the hit rate falls; answers stay right.';
  }
  if (!l2?.isMemoryNearLimit) return undefined;
  return l2.server?.memory.evictionPolicy === 'noeviction'
    ? 'Raise maxmemory of Redis, or set maxmemory-policy allkeys-lru: nothing new will be stored when it is full.'
    : 'Redis is near its maxmemory and will drop keys to make room: raise it if the hit rate falls.';
}
