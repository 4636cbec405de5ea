import { expiredAt } from '../model/entry.ts';
import { type InvalidationMode, namesEverything, patternMatcher, type Targets } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';
import type { InvalidationId } from '../model/tags.ts';
import type { Parts } from '../state/context.ts';

type Cleanable = Pick<Parts, 'l1' | 'tags' | 'flights' | 'clock'>;

/**
 * Takes everything that the targets name out of this process: entries are removed (or expired), tags end, flights are
 * poisoned and detached. Synchronous, so that no read can come in between.
 * @param id The invalidation's id where it is known: tag generations that were read after it stay.
 */
export function clean(parts: Cleanable, targets: Targets, mode: InvalidationMode, id?: InvalidationId): void {
  if (namesEverything(targets)) {
    cleanAll(parts);
    return;
  }
  const remove = (entryId: EntryId): void => removeEntry(parts, entryId, mode);
  targets.ids.forEach(remove);
  for (const tag of targets.tags) parts.tags.invalidate(tag, mode, id);
  const matches = targets.pattern === undefined ? undefined : patternMatcher(targets);
  if (matches !== undefined) [...parts.l1.ids()].filter(matches).forEach(remove);
  // What is no news to this process is news to a flight that has not learnt yet that its value carries the tag (race 66).
  parts.flights.poison(targets.ids, targets.tags, matches);
}

/** Forgets everything: after this, nothing that is older than now can be stored or served here. */
export function cleanAll(parts: Cleanable): void {
  parts.flights.poisonAll();
  parts.tags.clear();
  parts.l1.clear();
}

function removeEntry(parts: Cleanable, id: EntryId, mode: InvalidationMode): void {
  const entry = mode === 'expire' ? parts.l1.get(id) : undefined;
  if (entry === undefined) parts.l1.delete(id);
  else parts.l1.set(id, expiredAt(entry, parts.clock.now()));
}
