import type { EntryId } from '../model/key.ts';
import { usefulForMs } from '../model/lifetime.ts';
import type { ResolvedOptions } from '../model/options.ts';
import type { Generations } from '../model/tags.ts';
import { RemoteError, type RemoteTier, type StoredRecord } from '../ports/remote-tier.ts';
import { attempt } from '../primitives/attempt.ts';
import { ignore } from '../primitives/quietly.ts';
import type { Parts } from '../state/context.ts';
import { type BatchAnswer, type Question, QuestionBatch, type Terms } from '../state/l2-question.ts';
import type { Asked, Operation, Remote } from '../tiers/guarded-l2.ts';
import { longestAnswerMs } from '../tiers/traffic.ts';
import { generationsOf, recall, tagsKeepFor, takeFor } from './generations.ts';

/** Keys that one request names at most: nobody else is served meanwhile. */
const MOST_KEYS = 250;

/**
 * The first question of each refill: L2 answers with the value of the key or with the right to fill it. The questions of
 * one turn of the event loop are asked as one, with one budget, together with the generations of their tags, so that a hit
 * costs a share of a round trip.
 * @returns the answer of the batch. A caller continues on this promise, so that its continuation runs in its own
 *   asynchronous context: the work that the batch shares runs in that of the call which happened to be first.
 */
export function acquire(parts: Parts, remote: Remote, question: Question): Promise<BatchAnswer> {
  const batch = batchFor(parts, remote, question);
  batch.add(question);
  return batch.answered;
}

/** Reads one question's part of an answer, and reports its failure in the context of the caller that continues here. */
export function answerTo(
  remote: Remote,
  { request: { key, options }, place }: Question,
  answer: BatchAnswer,
): { readonly record: StoredRecord | undefined; readonly terms: Asked<Terms> } {
  const { terms, records } = answer;
  const operation = { name: 'acquire', budgetMs: options.l2TimeoutMs, key };
  if (!terms.ok) {
    if (terms.error !== undefined) remote.report(operation, terms.error);
    return { record: undefined, terms };
  }
  const record = records[place] ?? MISSING;
  if (record instanceof RemoteError) {
    const isFirst = answer.wasRefused !== true;
    answer.wasRefused = true;
    return { record: undefined, terms: remote.refused(operation, record, isFirst) };
  }
  return { record, terms };
}

function batchFor(parts: Parts, remote: Remote, { request: { id, options } }: Question): QuestionBatch {
  const { questions, flights } = parts;
  // No key stands twice in a batch: both flights would take its one lease for their own.
  const isAlone = flights.countOf(id) > 1;
  if (!isAlone) for (const open of questions) if (takes(open, options)) return open;
  const { l2TimeoutMs, hardTimeoutMs, leaseMs } = options;
  const batch = new QuestionBatch(l2TimeoutMs, leaseMs, longestAnswerMs(l2TimeoutMs, hardTimeoutMs), isAlone);
  if (questions.push(batch) === 1) beforeSending(parts, remote);
  return batch;
}

/** A tier that refuses to be told answers no question of this turn, and the next turn begins anew. */
function beforeSending(parts: Parts, remote: Remote): void {
  const { questions } = parts;
  try {
    remote.tier.beforeSending(() => send(parts, remote, questions.splice(0)));
  } catch (error) {
    // A moment later: the question that made the batch is yet to be added to it.
    const asked = Promise.resolve().then(() => {
      for (const batch of questions.splice(0)) batch.answer(unanswered(parts, error));
    });
    parts.background.track(asked);
  }
}

function takes(batch: QuestionBatch, { l2TimeoutMs, hardTimeoutMs, leaseMs }: ResolvedOptions): boolean {
  const { isAlone, budgetMs, mostMs, questions } = batch;
  if (isAlone || budgetMs !== l2TimeoutMs || batch.leaseMs !== leaseMs || questions.length >= MOST_KEYS) return false;
  return mostMs === longestAnswerMs(l2TimeoutMs, hardTimeoutMs);
}

function send(parts: Parts, remote: Remote, batches: readonly QuestionBatch[]): void {
  for (const batch of batches) {
    const asking = askAsOne(parts, remote, batch).catch((error: unknown) => unanswered(parts, error));
    parts.background.track(asking.then((answer) => batch.answer(answer)));
  }
}

/** Each caller goes on without L2 and reports the error. */
function unanswered({ clock }: Parts, error: unknown): BatchAnswer {
  return { terms: { ok: false, reason: 'error', error }, records: [], generations: new Map(), now: clock.now() };
}

async function askAsOne(parts: Parts, remote: Remote, batch: QuestionBatch): Promise<BatchAnswer> {
  const { questions, budgetMs, leaseMs, mostMs } = batch;
  const ids = questions.map(({ request }) => request.id);
  const token = parts.random.token();
  const generations: Generations = new Map();
  const unknown = recall(parts, tagsOf(questions), generations);
  const keepFor = tagsKeepFor(unknown.length === 0 ? 0 : longestUse(questions));
  const keys = questions.map(({ request }) => request.key);
  // The lookups have waited for contact already.
  const operation: Operation = { name: 'acquire', budgetMs, mostMs, keys, values: keys.length, contactMs: 0 };
  const release = (records: readonly Held[], tier: RemoteTier, generation: string): void => {
    ids.forEach((id, index) => {
      const record = records[index];
      if (record !== undefined && !(record instanceof RemoteError) && record.kind === 'none')
        parts.background.track(attempt(() => tier.release(id, generation, token)));
    });
  };
  const asked = await remote.ask(
    operation,
    async (tier, { generation }) => {
      const askedAt = remote.toServer(parts.clock.now());
      const acquiring = hold(tier, ids, generation, token, leaseMs, askedAt);
      if (unknown.length === 0) return { held: await acquiring, generation };
      const reading = generationsOf(parts, tier, { tags: unknown, generation, keepFor });
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
  if (!asked.ok) return { terms: asked, records: [], generations, now };
  const { held, generation } = asked.value;
  remote.traffic.learn(held);
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

function tagsOf(questions: readonly Question[]): Set<EntryId> {
  const tags = new Set<EntryId>();
  for (const { request } of questions) for (const tag of request.tagIds) tags.add(tag);
  return tags;
}

function longestUse(questions: readonly Question[]): number {
  return questions.reduce((longest, { request }) => Math.max(longest, usefulForMs(request.options)), 0);
}
