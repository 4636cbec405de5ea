import type { Entry } from '../../core/model/entry.ts';
import { bytesOf } from '../../core/model/entry-size.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { LocalTier } from '../../core/ports/local-tier.ts';

/** L1 on a plain map, without limits: the simplest thing that keeps the port's promises, for tests and simulations. */
export function memoryLocalTier(): LocalTier {
  const entries = new Map<EntryId, Entry>();
  return {
    get: (id) => entries.get(id),
    set: (id, entry) => void entries.set(id, entry),
    delete: (id) => void entries.delete(id),
    clear: () => entries.clear(),
    // A copy: callers delete while they walk.
    ids: () => [...entries.keys()],
    usage() {
      let bytes = 0;
      for (const entry of entries.values()) bytes += bytesOf(entry);
      return { entries: entries.size, bytes, evictions: 0 };
    },
  };
}
