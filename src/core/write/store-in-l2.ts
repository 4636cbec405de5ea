import type { EntryId } from '../model/key.ts';
import { type Lifetime, recordStayMs, usefulForMs } from '../model/lifetime.ts';
import type { Generations, TagGeneration } from '../model/tags.ts';
import type { RemoteTier } from '../ports/remote-tier.ts';
import { keepTags, recall, tagsKeepFor, take } from '../refill/generations.ts';
import { packed } from '../refill/stored-value.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { knownOf } from '../state/known-tags.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { WriteRequest } from '../state/request.ts';
import { otherHistory } from './deliver.ts';
import { type Encoded, encode } from './encoded-value.ts';
import { CONTACT_MS } from './invalidate.ts';
import type { Recorded } from './record-in-outbox.ts';

/** The outcome of telling L2. */
export type Stored =
  | { readonly ok: true; readonly encoded: Encoded | undefined }
  | { readonly ok: false; readonly error: unknown };

/** Stores the value in L2. `encoded` is absent when L2 holds a greater version. */
export async function storeInL2(
  context: CacheContext,
  l2: NonNullable<CacheContext['l2']>,
  request: WriteRequest,
  lifetime: Lifetime,
  flight: Flight<RefillResult>,
  recorded: Recorded | undefined,
  readTags: ReadTags,
): Promise<Stored> {
  const generations: Generations = new Map();
  let toldIn: string | undefined;
  const order = context.pending.add({ ids: [request.id], tags: [] }, 'delete', () => recorded?.acknowledge(toldIn));
  const written = await l2.ask(
    { name: 'set', budgetMs: request.options.l2TimeoutMs, key: request.key, values: 1, contactMs: CONTACT_MS },
    async (tier, session) => {
      const unknown = recall(context, request.tagIds, generations);
      if (unknown.length > 0) {
        const keepFor = tagsKeepFor(usefulForMs(lifetime));
        const read = await readTags(tier, unknown, session.generation, keepFor);
        take(context, flight, unknown, read, keepFor, generations);
      }
      const encoded = encode(context, request, lifetime, generations);
      const usefulUntil = context.clock.now() + usefulForMs(encoded.lifetime);
      keepTags(context, tier, { tags: flight.tags, generation: session.generation, usefulUntil });
      const reply = await tier.write({
        id: request.id,
        session,
        origin: context.instance,
        token: context.random.token(),
        body: packed(context, encoded.body),
        keepFor: recordStayMs(usefulForMs(encoded.lifetime)),
        version: request.options.version,
      });
      if (reply.kind === 'session-mismatch') {
        l2.distrust();
        throw otherHistory();
      }
      return { encoded, isStored: reply.kind === 'done', epoch: session.epoch };
    },
  );
  if (!written.ok) {
    context.pending.leave(order);
    return written;
  }
  const { encoded, isStored, epoch } = written.value;
  toldIn = epoch;
  context.pending.settle(order);
  return { ok: true, encoded: isStored ? encoded : undefined };
}

/** Reads the generations of tags, in their order. */
export type ReadTags = (
  tier: RemoteTier,
  tags: readonly EntryId[],
  generation: string,
  keepFor: number,
) => Promise<readonly (TagGeneration | undefined)[]>;

/** Reads the generations of one write. */
export const readOwnTags =
  (context: CacheContext): ReadTags =>
  (tier, tags, generation, keepFor) =>
    tier.tagGenerations(tags, generation, keepFor, knownOf(context, tags));
