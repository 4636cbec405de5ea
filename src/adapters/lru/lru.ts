import { LRUCache } from 'lru-cache';
import { assertFunction, assertNames, knownNames } from '../../core/model/arguments.ts';
import type { Entry } from '../../core/model/entry.ts';
import { bytesOf } from '../../core/model/entry-size.ts';
import { InvalidOptionError } from '../../core/model/errors.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { LocalTier } from '../../core/ports/local-tier.ts';
import { dropRejection } from '../../core/primitives/quietly.ts';

/** Limits of the in-process tier. At the first limit that is reached, the entry that was used least recently goes. */
export interface LruOptions {
  /**
   * The most bytes of all entries together, measured by `sizeOf`: an estimate, not the heap's own count. An entry
   * bigger than this is not stored. A whole number of at least 1; default 64 MiB.
   */
  readonly maxBytes?: number;
  /**
   * The most entries. Memory for their slots is taken at once. A whole number from 1 to 16,777,216; default 100,000.
   */
  readonly maxEntries?: number;
  /**
   * Measures the bytes of `maxBytes` that an entry takes. Default: `bytesOf` of `tiercel`, which estimates the heap
   * that the value takes. An entry for which it returns no number, or throws, is not stored, and `onError` is told.
   */
  readonly sizeOf?: (entry: Entry) => number;
}

const MOST_ENTRIES = 2 ** 24;

const KNOWN = knownNames(['maxBytes', 'maxEntries', 'sizeOf'] satisfies (keyof LruOptions)[], {
  max: 'write maxEntries',
  maxSize: 'write maxBytes',
  maxItems: 'write maxEntries',
  sizeCalculation: 'write sizeOf, which is given the entry',
  ttl: 'it is an option of createCache({ defaults }): l1Ttl, or ttl',
  maxAge: 'it is an option of createCache({ defaults }): l1Ttl, or ttl',
});

/**
 * Makes an L1 of `lru-cache`, bounded by bytes and by entries.
 *
 * It does not use the `ttl` option of `lru-cache`. The clock of that option is cached until a timer fires, so after a
 * busy stretch it returns entries whose time is over. The core compares the entry's own times at every hit instead.
 *
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 *
 * const cache = createCache({ name: 'catalog', l1: lru({ maxBytes: 32 * 2 ** 20, maxEntries: 50_000 }) });
 * ```
 * @throws {@link InvalidOptionError} naming the option.
 */
export function lru(options: LruOptions = {}): LocalTier {
  assertNames('options', options, KNOWN);
  const { maxBytes = 64 * 2 ** 20, maxEntries = 100_000, sizeOf = bytesOf } = options;
  assertFunction('sizeOf', sizeOf, 'a function of an entry');
  assertCount('maxBytes', maxBytes, Number.MAX_SAFE_INTEGER);
  assertCount('maxEntries', maxEntries, MOST_ENTRIES);

  let evictions = 0;
  const entries = new LRUCache<EntryId, Entry>({
    max: maxEntries,
    maxSize: maxBytes,
    // lru-cache takes positive integers only, and an entry is never free.
    sizeCalculation: (entry) => sizeFrom(sizeOf(entry)),
    dispose: (_entry, _id, reason) => {
      if (reason === 'evict') evictions++;
    },
  });

  return {
    get: (id) => entries.get(id),
    // lru-cache does not store an entry above the limit, and it then drops the older entry of that id as well.
    set: (id, entry) => void entries.set(id, entry),
    delete: (id) => void entries.delete(id),
    clear: () => entries.clear(),
    // This is a copy: callers delete while they walk, and lru-cache's own iterator does not survive that.
    ids: () => [...entries.keys()],
    usage: () => ({ entries: entries.size, bytes: entries.calculatedSize, evictions }),
  };
}

/** Turns the answer of `sizeOf` into whole bytes. An entry above the limit is not stored. */
function sizeFrom(given: number): number {
  dropRejection(given);
  if (typeof given !== 'number' || Number.isNaN(given))
    throw new InvalidOptionError('sizeOf', given, 'a function that answers a number of bytes');
  return Math.min(Math.max(1, Math.ceil(given)), Number.MAX_SAFE_INTEGER);
}

function assertCount(option: string, given: number, most: number): void {
  if (Number.isSafeInteger(given) && given >= 1 && given <= most) return;
  throw new InvalidOptionError(option, given, `a whole number from 1 to ${most}`);
}
