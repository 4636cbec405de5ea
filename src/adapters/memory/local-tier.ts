import type { Entry } from '../../core/model/entry.ts';
import { bytesOf } from '../../core/model/entry-size.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { LocalTier } from '../../core/ports/local-tier.ts';

/**
 * Makes an L1 on a plain map, without limits. It is the simplest tier that keeps the port's promises, for tests and
 * simulations.
 * @example
 * const cache = createCache({ l1: memoryLocalTier() });
 */
export function memoryLocalTier(): LocalTier {
  const entries = new Map<EntryId, Entry>();
  return {
    get: (id) => entries.get(id),
    set: (id, entry) => void entries.set(id, entry),
    delete: (id) => void entries.delete(id),
    clear: () => entries.clear(),
    // The list is a copy, because callers delete entries while they walk over it.
    ids: () => [...entries.keys()],
    usage() {
      let bytes = 0;
      for (const entry of entries.values()) bytes += bytesOf(entry);
      return { entries: entries.size, bytes, evictions: 0 };
    },
  };
}
