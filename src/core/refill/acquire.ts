import type { EntryId } from '../model/key.ts';
import { usefulForMs } from '../model/lifetime.ts';
import type { ResolvedOptions } from '../model/options.ts';
import type { Generations } from '../model/tags.ts';
import { RemoteError, type RemoteTier, type StoredRecord } from '../ports/remote-tier.ts';
import { attempt } from '../primitives/attempt.ts';
import { ignore } from '../primitives/quietly.ts';
import type { CacheContext } from '../state/context.ts';
import { type AcquireRequest, type BatchAnswer, QuestionBatch, type Terms } from '../state/l2-question.ts';
import type { Asked, GuardedL2, Operation } from '../tiers/guarded-l2.ts';
import { longestAnswerMs } from '../tiers/traffic.ts';
import { generationsOf, recall, tagsKeepFor, takeFor } from './generations.ts';

/** Limits the keys of one request, because the server answers no other client while it runs. */
const MOST_KEYS = 250;

/**
 * The first question of each refill: L2 answers with the value of the key or with the right to fill it. The questions of
 * one turn of the event loop are asked as one, with one budget, together with the generations of their tags, so that a hit
 * costs a share of a round trip.
 * @returns the answer of the batch. A caller continues on this promise, so that its continuation runs in its own
 *   asynchronous context: the work that the batch shares runs in that of the call which happened to be first.
 */
export function acquire(context: CacheContext, l2: GuardedL2, request: AcquireRequest): Promise<BatchAnswer> {
  const batch = batchFor(context, l2, request);
  batch.add(request);
  return batch.answered;
}

/** Reads one question's part of an answer, and reports its failure in the context of the caller that continues here. */
export function answerTo(
  l2: GuardedL2,
  { request: { key, options }, place }: AcquireRequest,
  answer: BatchAnswer,
): { readonly record: StoredRecord | undefined; readonly terms: Asked<Terms> } {
  const { terms, records } = answer;
  const operation = { name: 'acquire', budgetMs: options.l2TimeoutMs, key };
  if (!terms.ok) {
    if (terms.error !== undefined) l2.report(operation, terms.error);
    return { record: undefined, terms };
  }
  const record = records[place] ?? MISSING;
  if (record instanceof RemoteError) {
    const isFirst = answer.wasRefused !== true;
    answer.wasRefused = true;
    return { record: undefined, terms: l2.refused(operation, record, isFirst) };
  }
  return { record, terms };
}

function batchFor(context: CacheContext, l2: GuardedL2, { request: { id, options } }: AcquireRequest): QuestionBatch {
  const { questions, flights } = context;
  // No key stands twice in a batch: both flights would take its one lease for their own.
  const isAlone = flights.countOf(id) > 1;
  if (!isAlone) for (const open of questions) if (takes(open, options)) return open;
  const { l2TimeoutMs, hardTimeoutMs, leaseMs } = options;
  const batch = new QuestionBatch(l2TimeoutMs, leaseMs, longestAnswerMs(l2TimeoutMs, hardTimeoutMs), isAlone);
  if (questions.push(batch) === 1) beforeSending(context, l2);
  return batch;
}

/** A tier that refuses to be told answers no question of this turn, and the next turn begins anew. */
function beforeSending(context: CacheContext, l2: GuardedL2): void {
  const { questions } = context;
  try {
    l2.tier.beforeSending(() => send(context, l2, questions.splice(0)));
  } catch (error) {
    // A moment later: the question that made the batch is yet to be added to it.
    const asked = Promise.resolve().then(() => {
      for (const batch of questions.splice(0)) batch.answer(unanswered(context, error));
    });
    context.background.track(asked);
  }
}

function takes(batch: QuestionBatch, { l2TimeoutMs, hardTimeoutMs, leaseMs }: ResolvedOptions): boolean {
  const { isAlone, budgetMs, mostMs, questions } = batch;
  if (isAlone || budgetMs !== l2TimeoutMs || batch.leaseMs !== leaseMs || questions.length >= MOST_KEYS) return false;
  return mostMs === longestAnswerMs(l2TimeoutMs, hardTimeoutMs);
}

function send(context: CacheContext, l2: GuardedL2, batches: readonly QuestionBatch[]): void {
  for (const batch of batches) {
    const asking = askAsOne(context, l2, batch).catch((error: unknown) => unanswered(context, error));
    context.background.track(asking.then((answer) => batch.answer(answer)));
  }
}

/** Each caller goes on without L2 and reports the error. */
function unanswered({ clock }: CacheContext, error: unknown): BatchAnswer {
  return { terms: { ok: false, reason: 'error', error }, records: [], generations: new Map(), now: clock.now() };
}

async function askAsOne(context: CacheContext, l2: GuardedL2, batch: QuestionBatch): Promise<BatchAnswer> {
  const { questions, budgetMs, leaseMs, mostMs } = batch;
  const ids = questions.map(({ request }) => request.id);
  const token = context.random.token();
  const generations: Generations = new Map();
  const unknown = recall(context, tagsOf(questions), generations);
  const keepFor = tagsKeepFor(unknown.length === 0 ? 0 : longestUse(questions));
  const keys = questions.map(({ request }) => request.key);
  // The lookups have waited for contact already.
  const operation: Operation = { name: 'acquire', budgetMs, mostMs, keys, values: keys.length, contactMs: 0 };
  const release = (records: readonly Held[], tier: RemoteTier, generation: string): void => {
    ids.forEach((id, index) => {
      const record = records[index];
      if (record !== undefined && !(record instanceof RemoteError) && record.kind === 'none')
        context.background.track(attempt(() => tier.release(id, generation, token)));
    });
  };
  const asked = await l2.ask(
    operation,
    async (tier, { generation }) => {
      const askedAt = l2.toServer(context.clock.now());
      const acquiring = hold(tier, ids, generation, token, leaseMs, askedAt);
      if (unknown.length === 0) return { held: await acquiring, generation };
      const reading = generationsOf(context, tier, { tags: unknown, generation, keepFor });
      const [held, read] = await Promise.all([acquiring, reading]).catch((error: unknown) => {
        // Without its tags' generations there is nothing that a lease could be used for.
        context.background.track(acquiring.then((granted) => release(granted, tier, generation), ignore));
        throw error;
      });
      for (const [tag, found] of read) generations.set(tag, found);
      for (const { flight } of questions) takeFor(context, flight, unknown, generations, keepFor);
      return { held, generation };
    },
    // The callers have gone on without an answer. Leases that arrive now would only keep peers waiting.
    ({ held }, tier, { generation }) => release(held, tier, generation),
  );
  const now = context.clock.now();
  if (!asked.ok) return { terms: asked, records: [], generations, now };
  const { held, generation } = asked.value;
  l2.traffic.learn(held);
  return { terms: { ok: true, value: { token, generation } }, records: held, generations, now };
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

function tagsOf(questions: readonly AcquireRequest[]): Set<EntryId> {
  const tags = new Set<EntryId>();
  for (const { request } of questions) for (const tag of request.tagIds) tags.add(tag);
  return tags;
}

function longestUse(questions: readonly AcquireRequest[]): number {
  return questions.reduce((longest, { request }) => Math.max(longest, usefulForMs(request.options)), 0);
}
