import { expiredAt } from '../model/entry.ts';
import { type InvalidationMode, namesEverything, patternMatcher, type Targets } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';
import type { InvalidationId } from '../model/tags.ts';
import type { CacheContext } from '../state/context.ts';

type Cleanable = Pick<CacheContext, 'l1' | 'tags' | 'flights' | 'clock'>;

/**
 * Removes everything that the targets name from this process. Entries are removed (or expired), tags end, and flights
 * are poisoned and detached. It is synchronous, so no read can come in between.
 * @param id The id of the invalidation, if it is known. Tag generations that were read after it stay.
 */
export function applyLocally(context: Cleanable, targets: Targets, mode: InvalidationMode, id?: InvalidationId): void {
  if (namesEverything(targets)) {
    forgetEverything(context);
    return;
  }
  const remove = (entryId: EntryId): void => removeEntry(context, entryId, mode);
  targets.ids.forEach(remove);
  for (const tag of targets.tags) context.tags.invalidate(tag, mode, id);
  const matches = targets.pattern === undefined ? undefined : patternMatcher(targets);
  if (matches !== undefined) [...context.l1.ids()].filter(matches).forEach(remove);
  // A flight may not know yet that its value carries the tag. It must hear of an invalidation even when it is no news
  // to this process (race 66).
  context.flights.poison(targets.ids, targets.tags, matches);
}

/** Forgets everything. Afterwards this process can store or serve nothing that is older than now. */
export function forgetEverything(context: Cleanable): void {
  context.flights.poisonAll();
  context.tags.clear();
  context.l1.clear();
}

function removeEntry(context: Cleanable, id: EntryId, mode: InvalidationMode): void {
  const entry = mode === 'expire' ? context.l1.get(id) : undefined;
  if (entry === undefined) context.l1.delete(id);
  else context.l1.set(id, expiredAt(entry, context.clock.now()));
}
