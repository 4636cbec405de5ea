import type { EntryId } from '../model/key.ts';
import { usefulForMs } from '../model/lifetime.ts';
import { enter, type Generations, type TagGeneration, type TagState } from '../model/tags.ts';
import type { Envelope } from '../ports/codec.ts';
import type { RemoteTier } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { knownOf } from '../state/known-tags.ts';
import type { TagRead } from '../state/l2-question.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Asked, GuardedL2, Unanswered } from '../tiers/guarded-l2.ts';

/** Shorter is not worth the renewals. */
const SHORTEST_TAG_LIFE_MS = 60_000;

/** An entry without end ends with its tags: a generation that has run out comes back as another one. */
const LONGEST_TAG_LIFE_MS = 30 * 24 * 60 * 60 * 1_000;

/** A generation is used from memory for a third of its life: an entry that is made at the end of that has two thirds left. */
const LIVES_PER_USE = 1.5;

/** An entry that outlives its tags by no more than this is not worth a command. */
const TOLERANCE_MS = 1_000;

/** Computes the time that L2 keeps a tag's generation for entries that are of use for `usefulForMs`. */
export function tagsKeepFor(usefulForMs: number): number {
  return Math.min(Math.max(usefulForMs * LIVES_PER_USE, SHORTEST_TAG_LIFE_MS), LONGEST_TAG_LIFE_MS);
}

/** An entry that is about to be stored in L2. */
export interface KeptEntry {
  readonly tags: readonly TagState[];
  /** Of the history in which it is stored. */
  readonly generation: string;
  /** In this process's time. */
  readonly usefulUntil: number;
}

/**
 * Has L2 keep the generations of an entry's tags while the entry may be of use. An entry is void without any of them. They
 * were read for the options of a caller, and the loader may have given the value a longer TTL. The command travels with the
 * others of its tick, and is seldom needed.
 */
export function keepTags(context: CacheContext, tier: RemoteTier, { tags, generation, usefulUntil }: KeptEntry): void {
  const now = context.clock.now();
  const keepFor = tagsKeepFor(usefulUntil - now);
  const neededUntil = Math.min(usefulUntil - TOLERANCE_MS, now + LONGEST_TAG_LIFE_MS / 2);
  const short = tags.filter(({ keptUntil }) => keptUntil < neededUntil);
  if (short.length === 0) return;
  // From here on, so that entries that are stored together do not all ask for it.
  for (const state of short) state.keptUntil = now + keepFor;
  const named = short.map(({ tag }) => tag);
  const keeping = tier.tagGenerations(named, generation, keepFor, knownOf(context, named));
  // The entry that is stored beside it says what is wrong with L2.
  context.background.track(keeping, () => {
    for (const state of short) state.keptUntil = Number.NEGATIVE_INFINITY;
  });
}

/**
 * Puts the generations that this process knows into `into` and answers the tags that must be read. Memory counts only
 * while this instance is proven: unproven, it may have missed the message that would have corrected it.
 */
export function recall(context: CacheContext, tags: Iterable<EntryId>, into: Generations): EntryId[] {
  const { hasBus, clock, proof, tags: registry } = context;
  const now = clock.now();
  const mayRemember = hasBus && proof.isProven(now);
  const unknown: EntryId[] = [];
  for (const tag of tags) {
    if (into.has(tag)) continue;
    const known = mayRemember ? registry.peek(tag, now) : undefined;
    if (known === undefined) unknown.push(tag);
    else into.set(tag, known);
  }
  return unknown;
}

/**
 * The tags of an entry of which memory says something else than the entry, while L2 has not been asked since the flight
 * began. An instance that did not remember a tag may have read another generation, after L2 had dropped it.
 */
function doubtedTags(
  { tags: registry }: CacheContext,
  { beganAt }: Flight<RefillResult>,
  { tags }: Envelope,
  generations: Generations,
): EntryId[] {
  const doubted: EntryId[] = [];
  for (const [tag, hard, soft] of tags) {
    const found = generations.get(tag);
    if (found === undefined || (found.hard === hard && found.soft === soft)) continue;
    const state = registry.recollect(tag);
    if (state?.generation === found && state.readAt < beganAt) doubted.push(tag);
  }
  return doubted;
}

/**
 * Completes `into` by the generations of all tags of an entry. One that is remembered and differs from what the entry
 * carries is read again: only what L2 says makes the entry void (race 57).
 * @returns the failure when L2 gave no answer.
 */
export async function generationsFor(
  context: CacheContext,
  request: Pick<ReadRequest, 'key' | 'options'>,
  { flight, envelope }: { readonly flight: Flight<RefillResult>; readonly envelope: Envelope },
  into: Generations,
): Promise<Unanswered | undefined> {
  const tags = envelope.tags.map(([tag]) => tag);
  const failed = await readGenerations(context, request, flight, tags, into);
  if (failed !== undefined) return failed;
  const doubted = doubtedTags(context, flight, envelope, into);
  return doubted.length === 0 ? undefined : readFromL2(context, request, flight, doubted, into);
}

/**
 * Takes the generations of `tags`, which a flight has read into `generations`, into memory, unless a message has passed,
 * since the flight began, that the reading may not have seen.
 */
export function takeFor(
  context: CacheContext,
  flight: Flight<RefillResult>,
  tags: readonly EntryId[],
  generations: Generations,
  keptFor: number,
): void {
  // L2 forgets a generation that no instance reads for `keptFor`. An instance that still remembered it then would void the
  // entries that peers store under its successor, and they would void its own. Reading it again in time renews it.
  const now = context.clock.now();
  const knownUntil = now + keptFor / (2 * LIVES_PER_USE);
  if (flight.poisoned) return;
  for (const tag of tags) {
    const generation = generations.get(tag);
    // An invalidation that was undelivered when the flight began may have reached L2 after this reading.
    if (generation === undefined || flight.undelivered.coversTag(tag)) continue;
    const watched = flight.tags.find((state) => state.tag === tag);
    if (watched === undefined) {
      if (!flight.hasEnded([tag])) context.tags.learn(context.tags.obtain(tag), generation, knownUntil, now + keptFor);
    } else if (watched.status === 'current') context.tags.learn(watched, generation, knownUntil, now + keptFor);
  }
}

/** Puts the generations that were read into `into`, and by {@link takeFor} into memory. */
export function take(
  context: CacheContext,
  flight: Flight<RefillResult>,
  tags: readonly EntryId[],
  read: readonly (TagGeneration | undefined)[],
  keptFor: number,
  into: Generations,
): void {
  enter(tags, read, into);
  takeFor(context, flight, tags, into, keptFor);
}

/**
 * Reads the generations of these tags that are not known yet, in one round trip.
 * @returns the failure when L2 gave no answer. Otherwise `into` holds them all.
 */
export async function readGenerations(
  context: CacheContext,
  request: Pick<ReadRequest, 'key' | 'options'>,
  flight: Flight<RefillResult>,
  tags: readonly EntryId[],
  into: Generations,
): Promise<Unanswered | undefined> {
  const missing = recall(context, tags, into);
  return missing.length === 0 ? undefined : readFromL2(context, request, flight, missing, into);
}

async function readFromL2(
  context: CacheContext,
  { key, options }: Pick<ReadRequest, 'key' | 'options'>,
  flight: Flight<RefillResult>,
  missing: readonly EntryId[],
  into: Generations,
): Promise<Unanswered | undefined> {
  const { l2 } = context;
  if (l2 === undefined) return undefined;
  if (flight.stage === 'first-question') flight.goOn('further-questions');
  const keepFor = tagsKeepFor(usefulForMs(options));
  const asked = await new Promise<Asked<Generations>>((onRead) => {
    readTags(context, l2, { key, tags: missing, keepFor, budgetMs: options.l2TimeoutMs, onRead });
  });
  if (!asked.ok) {
    if (asked.error !== undefined) l2.report({ name: 'tags', budgetMs: options.l2TimeoutMs, key }, asked.error);
    return asked;
  }
  const read = missing.map((tag) => asked.value.get(tag));
  take(context, flight, missing, read, keepFor, into);
  return undefined;
}

/** Tags in one script call: a script holds up the whole server while it runs. */
const TAGS_PER_SCRIPT = 1_000;

/** Reads the generations of tags. All reads of one turn of the event loop become one question, with each tag once. */
export function readTags(context: CacheContext, l2: GuardedL2, read: TagRead): void {
  const { tagReads } = context;
  if (tagReads.push(read) > 1) return;
  try {
    l2.tier.beforeSending(() => send(context, l2, tagReads.splice(0)));
  } catch (error) {
    for (const { onRead } of tagReads.splice(0)) onRead({ ok: false, reason: 'error', error });
  }
}

function send(context: CacheContext, l2: GuardedL2, reads: readonly TagRead[]): void {
  for (const sameTerms of Map.groupBy(reads, ({ budgetMs }) => budgetMs).values())
    context.background.track(askAsOne(context, l2, sameTerms));
}

async function askAsOne(context: CacheContext, l2: GuardedL2, reads: readonly TagRead[]): Promise<void> {
  const tags = [...new Set(reads.flatMap((read) => read.tags))];
  const keepFor = Math.max(...reads.map((read) => read.keepFor));
  const operation = { name: 'tags', budgetMs: reads[0]?.budgetMs ?? 0, keys: reads.map(({ key }) => key) };
  const asked = await l2.ask(operation, (tier, { generation }) =>
    generationsOf(context, tier, { tags, generation, keepFor }),
  );
  for (const { onRead } of reads) onRead(asked);
}

/** The generations of tags in L2, asked for at once, however many scripts that takes. */
export async function generationsOf(
  context: CacheContext,
  tier: RemoteTier,
  {
    tags,
    generation,
    keepFor,
  }: { readonly tags: readonly EntryId[]; readonly generation: string; readonly keepFor: number },
): Promise<Generations> {
  const generations: Generations = new Map();
  const readSome = async (some: readonly EntryId[]): Promise<void> =>
    enter(some, await tier.tagGenerations(some, generation, keepFor, knownOf(context, some)), generations);
  const reading: Promise<void>[] = [];
  for (let at = 0; at < tags.length; at += TAGS_PER_SCRIPT)
    reading.push(readSome(tags.slice(at, at + TAGS_PER_SCRIPT)));
  await Promise.all(reading);
  return generations;
}
