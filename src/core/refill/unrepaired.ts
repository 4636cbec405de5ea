import { type Entry, expiredAt, mayServeOnError } from '../model/entry.ts';
import { usefulForMs } from '../model/lifetime.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { Refilled } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Remote } from '../tiers/guarded-l2.ts';
import { generationsOf, tagsKeepFor } from './generations.ts';
import { judge, openEnvelope } from './stored-value.ts';

/**
 * Reads what L2 holds of a key while it is not repaired, for the case that the load fails: the database that is needed for
 * the repair may be the one that the loader asks. Others may have changed the row and could not tell L2 yet, so the value
 * counts as expired: it answers within `staleIfError` alone, always flagged, and from L1 no differently (protocol, race 53).
 */
export async function readUnrepaired(
  parts: Parts,
  remote: Remote,
  request: ReadRequest,
  flight: Flight<Refilled>,
): Promise<Entry | undefined> {
  const { id, key, options } = request;
  if (options.staleIfErrorMs === 0 || !remote.answersFlagged) return undefined;
  const operation = { name: 'read', budgetMs: options.l2TimeoutMs, key };
  const keepFor = tagsKeepFor(usefulForMs(options));
  const found = await remote.askUnrepaired(operation, async (tier, { generation }) => {
    // Mostly these are all the tags that the value carries, so that one round trip is enough.
    const [record, generations] = await Promise.all([
      tier.read(id, generation),
      generationsOf(parts, tier, { tags: request.tagIds, generation, keepFor }),
    ]);
    const envelope = record.kind === 'value' ? openEnvelope(parts, request, record.value) : undefined;
    if (record.kind !== 'value' || envelope === undefined) return undefined;
    const tags = envelope.tags.map(([tag]) => tag);
    const missing = tags.filter((tag) => !generations.has(tag));
    const others = await generationsOf(parts, tier, { tags: missing, generation, keepFor });
    for (const [tag, its] of others) generations.set(tag, its);
    return { value: record.value, envelope, tags, generations };
  });
  // That a row is absent is no answer where the row may be there by now.
  if (found === undefined || found.envelope.value === null || flight.owed.covers(id, found.tags)) return undefined;
  const verdict = judge(parts, request, flight, found.value, found.envelope, found.generations);
  if (verdict.kind === 'void') return undefined;
  const now = parts.clock.now();
  const entry = expiredAt(verdict.entry, now);
  return mayServeOnError(entry, now) ? entry : undefined;
}
