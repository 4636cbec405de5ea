import type { EntryId } from '../model/key.ts';
import { lifetimeOf, usefulForMs } from '../model/lifetime.ts';
import type { TagGeneration } from '../model/tags.ts';
import { tagsKeepFor } from '../refill/generations.ts';
import type { CacheContext } from '../state/context.ts';
import { knownOf } from '../state/known-tags.ts';
import type { WriteRequest } from '../state/request.ts';
import { assertWritable } from './encoded-value.ts';
import { writeChecked } from './set.ts';
import type { ReadTags } from './store-in-l2.ts';
import { asCalled, mayWait } from './value-as-called.ts';

/** The number of values of a `setMany` that are sent at once. */
export const WRITES_PER_PACKET = 500;

/**
 * Stores values in both tiers, each as `set` does. It checks every value before it stores the first.
 * @param requests Only the last of several for one key is stored.
 * @returns true for each value that is stored, in the order of the requests.
 * @throws {@link InvalidValueError} naming the key whose value cannot be stored as it is.
 */
export async function setMany(context: CacheContext, requests: readonly WriteRequest[]): Promise<boolean[]> {
  for (const request of requests) assertWritable(context, request);
  const named = [...new Map(requests.map((request) => [request.id, request])).values()];
  const waits = named.length > WRITES_PER_PACKET || named.some((request) => mayWait(context, request));
  const last = waits ? named.map(asCalled) : named;
  const stored = new Map<EntryId, boolean>();
  let failed: { readonly error: unknown } | undefined;
  for (let at = 0; at < last.length; at += WRITES_PER_PACKET) {
    const packet = last.slice(at, at + WRITES_PER_PACKET);
    const readTags = onceEach(context, Math.max(...packet.map(keepTagsFor)));
    const written = await Promise.allSettled(packet.map((request) => writeChecked(context, request, readTags)));
    for (const [index, { id }] of packet.entries()) {
      const outcome = written[index];
      if (outcome?.status === 'rejected') failed ??= { error: outcome.reason };
      else stored.set(id, outcome?.value === true);
    }
  }
  if (failed !== undefined) throw failed.error;
  return requests.map(({ id }) => stored.get(id) === true);
}

function keepTagsFor({ value, options }: WriteRequest): number {
  return tagsKeepFor(usefulForMs(lifetimeOf(value, options)));
}

/** Reads each tag once for all writes of one packet. L2 keeps it for the longest time that one of them needs. */
function onceEach(context: CacheContext, keepFor: number): ReadTags {
  const reading = new Map<EntryId, Promise<TagGeneration | undefined>>();
  return (tier, tags, generation) => {
    const missing = tags.filter((tag) => !reading.has(tag));
    if (missing.length > 0) {
      const read = tier.tagGenerations(missing, generation, keepFor, knownOf(context, missing));
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
