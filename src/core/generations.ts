import type { Flight } from './flights.ts';
import type { EntryId } from './key.ts';
import type { Parts } from './parts.ts';
import type { Refilled } from './refilled.ts';
import type { TagGeneration } from './tags.ts';
import type { Generations } from './verdict.ts';

/**
 * Puts the generations that this process knows into `into` and answers the tags that must be read. Memory counts only
 * while this instance is proven: unproven, it may have missed the message that would have corrected it.
 */
export function recall(parts: Parts, tags: Iterable<EntryId>, into: Generations): EntryId[] {
  const { hasBus, clock, proof, tags: registry } = parts;
  const mayRemember = hasBus && clock.now() <= proof.until;
  const unknown: EntryId[] = [];
  for (const tag of tags) {
    if (into.has(tag)) continue;
    const known = mayRemember ? registry.peek(tag) : undefined;
    if (known === undefined) unknown.push(tag);
    else into.set(tag, known);
  }
  return unknown;
}

/**
 * Takes what a flight has read of tags into `into`, and into memory unless a message has passed, since the flight
 * began, that the reading may not have seen.
 */
export function take(
  parts: Parts,
  flight: Flight<Refilled>,
  tags: readonly EntryId[],
  read: readonly TagGeneration[],
  into: Generations,
): void {
  tags.forEach((tag, index) => {
    const generation = read[index];
    if (generation === undefined) return;
    into.set(tag, generation);
    // What was owed when the flight began may have been delivered after this was read.
    if (flight.poisoned || flight.owed.coversTag(tag)) return;
    const watched = flight.tags.find((state) => state.tag === tag);
    if (watched === undefined) {
      if (!flight.endedTags.hasAny([tag])) parts.tags.learn(parts.tags.obtain(tag), generation);
    } else if (watched.status === 'current') parts.tags.learn(watched, generation);
  });
}
