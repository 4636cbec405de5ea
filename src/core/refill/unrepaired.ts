import { type Entry, expiredAt, mayServeOnError } from '../model/entry.ts';
import { usefulForMs } from '../model/lifetime.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';
import { generationsOf, tagsKeepFor } from './generations.ts';
import { decodeStored, validateStored } from './stored-value.ts';

/**
 * Reads what L2 holds of a key while it is not repaired, for the case that the load fails: the database that is needed for
 * the repair may be the one that the loader asks. Others may have changed the row and could not tell L2 yet, so the value
 * counts as expired: it answers within `staleIfError` alone, always flagged, and from L1 no differently (protocol, race 53).
 */
export async function readUnrepaired(
  context: CacheContext,
  l2: GuardedL2,
  request: ReadRequest,
  flight: Flight<RefillResult>,
): Promise<Entry | undefined> {
  const { id, key, options } = request;
  if (options.staleIfErrorMs === 0 || !l2.answersFlagged) return undefined;
  const operation = { name: 'read', budgetMs: options.l2TimeoutMs, key };
  const keepFor = tagsKeepFor(usefulForMs(options));
  const found = await l2.askUnrepaired(operation, async (tier, { generation }) => {
    // Mostly these are all the tags that the value carries, so that one round trip is enough.
    const [record, generations] = await Promise.all([
      tier.read(id, generation),
      generationsOf(context, tier, { tags: request.tagIds, generation, keepFor }),
    ]);
    const envelope = record.kind === 'value' ? decodeStored(context, request, record.value) : undefined;
    if (record.kind !== 'value' || envelope === undefined) return undefined;
    const tags = envelope.tags.map(([tag]) => tag);
    const missing = tags.filter((tag) => !generations.has(tag));
    const others = await generationsOf(context, tier, { tags: missing, generation, keepFor });
    for (const [tag, its] of others) generations.set(tag, its);
    return { value: record.value, envelope, tags, generations };
  });
  // That a row is absent is no answer where the row may be there by now.
  if (found === undefined || found.envelope.value === null || flight.undelivered.covers(id, found.tags))
    return undefined;
  const verdict = validateStored(context, request, flight, found.value, found.envelope, found.generations);
  if (verdict.kind === 'void') return undefined;
  const now = context.clock.now();
  const entry = expiredAt(verdict.entry, now);
  return mayServeOnError(entry, now) ? entry : undefined;
}
