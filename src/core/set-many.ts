import { tagsKeepFor } from './generations.ts';
import type { EntryId } from './key.ts';
import type { Parts } from './parts.ts';
import { WRITES_PER_PACKET } from './requests.ts';
import type { TagGeneration } from './tags.ts';
import { usefulForMs, windowsOf } from './windows.ts';
import { assertWritable, type ReadTags, writeChecked } from './write.ts';
import type { WriteRequest } from './write-request.ts';

/**
 * Stores values in both tiers, each as `set` does; every one is checked before the first is stored.
 * @param requests Of several for one key only the last is stored.
 * @returns whether each value is stored, in the order of the requests.
 * @throws {@link InvalidValueError} naming the key whose value cannot be stored as it is.
 */
export async function setMany(parts: Parts, requests: readonly WriteRequest[]): Promise<boolean[]> {
  for (const request of requests) assertWritable(parts, request);
  const last = [...new Map(requests.map((request) => [request.id, request])).values()];
  const stored = new Map<EntryId, boolean>();
  for (let at = 0; at < last.length; at += WRITES_PER_PACKET) {
    const packet = last.slice(at, at + WRITES_PER_PACKET);
    const readTags = onceEach(Math.max(...packet.map(keepTagsFor)));
    const written = await Promise.all(packet.map((request) => writeChecked(parts, request, readTags)));
    packet.forEach(({ id }, index) => void stored.set(id, written[index] === true));
  }
  return requests.map(({ id }) => stored.get(id) === true);
}

function keepTagsFor({ value, options }: WriteRequest): number {
  return tagsKeepFor(usefulForMs(windowsOf(value, options)));
}

/** Reads each tag once for all writes of one tick, and has it kept for the longest of them. */
function onceEach(keepFor: number): ReadTags {
  const reading = new Map<EntryId, Promise<TagGeneration | undefined>>();
  return (tier, tags, generation) => {
    const missing = tags.filter((tag) => !reading.has(tag));
    if (missing.length > 0) {
      const read = tier.tagGenerations(missing, generation, keepFor);
      missing.forEach(
        (tag, index) =>
          void reading.set(
            tag,
            read.then((all) => all[index]),
          ),
      );
    }
    return Promise.all(tags.map((tag) => reading.get(tag)));
  };
}
