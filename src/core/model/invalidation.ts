import { globMatcher } from '../primitives/glob.ts';
import { type EntryId, fromId, ROOT_TAG } from './key.ts';

/** What an invalidation names. Empty lists are allowed. Everything there is, is the root namespace's tag. */
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

/** `delete`: gone. `expire`: stale at once, kept for `staleIfError`. */
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
  /** Consecutive within one epoch: a missing number is a lost message. */
  readonly sequence: number;
}

/** This instance's own heartbeat, coming back on its subscription. */
export interface HeartbeatEcho {
  readonly kind: 'heartbeat';
  readonly epoch: string;
  readonly sequence: number;
  /** What the heartbeat carried when it was sent. */
  readonly nonce: string;
}

export type BusMessage = Invalidation | HeartbeatEcho;

/** Everything. */
export const EVERYTHING: Targets = { ids: [], tags: [ROOT_TAG] };

/** Whether an entry with this id and these tags is named by the targets. */
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

/** Whether an id is named by the targets' pattern. */
export function patternMatcher(targets: Targets): (id: EntryId) => boolean {
  const pattern = targets.pattern;
  if (pattern === undefined) return () => false;
  const matches = globMatcher(pattern.glob);
  return (id) => {
    const { namespace, key } = fromId(id);
    return namespace === pattern.namespace && matches(key);
  };
}

/** Whether the targets name everything there is. */
export function namesEverything({ tags }: Targets): boolean {
  return tags.includes(ROOT_TAG);
}
