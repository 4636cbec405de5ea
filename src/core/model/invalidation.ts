import { globMatcher } from '../primitives/glob.ts';
import { type EntryId, fromId, ROOT_TAG } from './key.ts';

/** The entries that an invalidation names. Empty lists are allowed. The root namespace's tag names everything. */
export interface Targets {
  readonly ids: readonly EntryId[];
  readonly tags: readonly EntryId[];
  readonly pattern?: PatternTarget | undefined;
}

/** A glob (`*`, `?`) over the logical keys of one namespace; `namespace` is `''` for the root. */
export interface PatternTarget {
  readonly namespace: string;
  readonly glob: string;
}

/**
 * The effect on entries. `delete` removes them. `expire` makes them stale at once and keeps them for `staleIfError`.
 */
export type InvalidationMode = 'delete' | 'expire';

/** An invalidation on its way into L2. */
export interface InvalidationOrder {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  /** The instance that orders it. */
  readonly origin: string;
}

/** An invalidation as the bus carries it: numbers and names, never values. */
export interface Invalidation extends InvalidationOrder {
  readonly kind: 'invalidation';
  readonly epoch: string;
  /** Consecutive within one epoch, so a missing number shows a lost message. */
  readonly sequence: number;
}

/** This instance's own heartbeat, as it comes back on its subscription. */
export interface HeartbeatEcho {
  readonly kind: 'heartbeat';
  readonly epoch: string;
  readonly sequence: number;
  /** The nonce that the instance sent with the heartbeat. */
  readonly nonce: string;
}

export type BusMessage = Invalidation | HeartbeatEcho;

/** Targets that name every entry of the cache. */
export const EVERYTHING: Targets = { ids: [], tags: [ROOT_TAG] };

/** Returns a function that is true when the targets name an entry with this id and these tags. */
export function matcherOf(targets: Targets): (id: EntryId, tags: Iterable<EntryId>) => boolean {
  const ids = new Set(targets.ids);
  const tags = new Set(targets.tags);
  const matchesPattern = patternMatcher(targets);
  return (id, itsTags) => {
    if (ids.has(id) || matchesPattern(id)) return true;
    if (tags.size > 0) for (const tag of itsTags) if (tags.has(tag)) return true;
    return false;
  };
}

/** Returns a function that is true when the targets' pattern matches an id. */
export function patternMatcher(targets: Targets): (id: EntryId) => boolean {
  const pattern = targets.pattern;
  if (pattern === undefined) return () => false;
  const matches = globMatcher(pattern.glob);
  return (id) => {
    const { namespace, key } = fromId(id);
    return namespace === pattern.namespace && matches(key);
  };
}

/** Returns true when the targets name every entry. */
export function namesEverything({ tags }: Targets): boolean {
  return tags.includes(ROOT_TAG);
}
