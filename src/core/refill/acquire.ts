import type { EntryId } from '../model/key.ts';
import { usefulForMs } from '../model/lifetime.ts';
import type { ResolvedOptions } from '../model/options.ts';
import type { Generations } from '../model/tags.ts';
import { RemoteError, type RemoteTier, type StoredRecord } from '../ports/remote-tier.ts';
import type { Parts } from '../state/context.ts';
import type { Question } from '../state/l2-question.ts';
import type { Operation, Remote } from '../tiers/guarded-l2.ts';
import { generationsOf, recall, tagsKeepFor, takeFor } from './generations.ts';

/** Keys that one request names at most: nobody else is served meanwhile. */
const MOST_KEYS = 250;

/**
 * The first question of each refill: what does L2 hold of this key, and may I fill it? Those of one turn of the event loop
 * are asked as one, with one budget, together with the generations of their tags; so a hit costs a share of a round trip,
 * and of everything that is done once for each.
 */
export function acquire(parts: Parts, remote: Remote, question: Question): void {
  const { questions } = parts;
  if (questions.push(question) === 1) remote.tier.beforeSending(() => send(parts, remote, questions.splice(0)));
}

/** Questions of the same terms. */
interface Batch {
  readonly questions: Question[];
  readonly budgetMs: number;
  readonly leaseMs: number;
  readonly isClosed: boolean;
}

function send(parts: Parts, remote: Remote, questions: readonly Question[]): void {
  const batches: Batch[] = [];
  for (const question of questions) {
    const { id, options } = question.request;
    // No key twice in a batch: its one lease would seem to be both flights'.
    const isClosed = parts.flights.countOf(id) > 1;
    const open = isClosed ? undefined : batches.find((batch) => takes(batch, options));
    if (open !== undefined) open.questions.push(question);
    else batches.push({ questions: [question], budgetMs: options.l2TimeoutMs, leaseMs: options.leaseMs, isClosed });
  }
  for (const batch of batches) parts.background.track(askAsOne(parts, remote, batch));
}

function takes({ questions, budgetMs, leaseMs, isClosed }: Batch, { l2TimeoutMs, leaseMs: wanted }: ResolvedOptions) {
  return !isClosed && budgetMs === l2TimeoutMs && leaseMs === wanted && questions.length < MOST_KEYS;
}

async function askAsOne(parts: Parts, remote: Remote, { questions, budgetMs, leaseMs }: Batch): Promise<void> {
  const ids = questions.map(({ request }) => request.id);
  const token = parts.random.token();
  const generations: Generations = new Map();
  const unknown = recall(parts, tagsOf(questions), generations);
  const keepFor = tagsKeepFor(unknown.length === 0 ? 0 : longestUse(questions));
  const keys = questions.map(({ request }) => request.key);
  // The lookups have waited for contact already.
  const operation: Operation = { name: 'acquire', budgetMs, keys, contactMs: 0 };
  const release = (records: readonly Held[], tier: RemoteTier, generation: string): void => {
    ids.forEach((id, index) => {
      const record = records[index];
      if (record !== undefined && !(record instanceof RemoteError) && record.kind === 'none')
        parts.background.track(tier.release(id, generation, token));
    });
  };
  const asked = await remote.ask(
    operation,
    async (tier, { generation }) => {
      const askedAt = remote.toServer(parts.clock.now());
      const acquiring = hold(tier, ids, generation, token, leaseMs, askedAt);
      if (unknown.length === 0) return { held: await acquiring, generation };
      const reading = generationsOf(tier, unknown, generation, keepFor);
      const [held, read] = await Promise.all([acquiring, reading]).catch((error: unknown) => {
        // Without its tags' generations there is nothing that a lease could be used for.
        parts.background.track(acquiring.then((granted) => release(granted, tier, generation), ignore));
        throw error;
      });
      for (const [tag, found] of read) generations.set(tag, found);
      for (const { flight } of questions) takeFor(parts, flight, unknown, generations, keepFor);
      return { held, generation };
    },
    // The callers have gone on without it: leases that come now would only keep others waiting.
    ({ held }, tier, { generation }) => release(held, tier, generation),
  );
  const now = parts.clock.now();
  if (!asked.ok) {
    for (const question of questions) question.onAcquired(undefined, asked, generations, now);
    return;
  }
  const { held, generation } = asked.value;
  const terms = { ok: true, value: { token, generation } } as const;
  let index = 0;
  for (const question of questions) {
    const record = held[index++] ?? MISSING;
    if (record instanceof RemoteError) {
      const refused = remote.refused({ ...operation, keys: [question.request.key] }, record);
      question.onAcquired(undefined, refused, generations, now);
    } else question.onAcquired(record, terms, generations, now);
  }
}

type Held = StoredRecord | RemoteError;

const MISSING = new RemoteError('error', 'L2 gave no answer for this key');

/** One key is asked for by one command; several need a script. */
async function hold(
  tier: RemoteTier,
  ids: readonly EntryId[],
  generation: string,
  token: string,
  leaseMs: number,
  askedAt: number,
): Promise<readonly Held[]> {
  const [only] = ids;
  if (only === undefined || ids.length > 1) return tier.acquireMany(ids, generation, token, leaseMs, askedAt);
  return [await tier.acquire(only, generation, token, leaseMs, askedAt)];
}

function tagsOf(questions: readonly Question[]): Set<EntryId> {
  const tags = new Set<EntryId>();
  for (const { request } of questions) for (const tag of request.tagIds) tags.add(tag);
  return tags;
}

function longestUse(questions: readonly Question[]): number {
  return questions.reduce((longest, { request }) => Math.max(longest, usefulForMs(request.options)), 0);
}

function ignore(): void {}
