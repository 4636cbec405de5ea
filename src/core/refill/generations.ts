import type { EntryId } from '../model/key.ts';
import { usefulForMs } from '../model/lifetime.ts';
import { enter, type Generations, type TagGeneration, type TagState } from '../model/tags.ts';
import type { Envelope } from '../ports/codec.ts';
import type { RemoteTier } from '../ports/remote-tier.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { knownOf } from '../state/known-tags.ts';
import type { TagRead } from '../state/l2-question.ts';
import type { Refilled } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Asked, Remote, Unanswered } from '../tiers/guarded-l2.ts';

/** Shorter is not worth the renewals. */
const SHORTEST_TAG_LIFE_MS = 60_000;

/** An entry without end ends with its tags: a generation that has run out comes back as another one. */
const LONGEST_TAG_LIFE_MS = 30 * 24 * 60 * 60 * 1_000;

/** A generation is used from memory for a third of its life: an entry that is made at the end of that has two thirds left. */
const LIVES_PER_USE = 1.5;

/** An entry that outlives its tags by no more than this is not worth a command. */
const TOLERANCE_MS = 1_000;

/** How long L2 keeps the generation of a tag for entries that are of use for `usefulForMs`. */
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
 * Has L2 keep the generations of an entry's tags for as long as the entry may be of use: without one of them it is void. They
 * were read for the options of some caller, and the loader may have given the value a longer TTL. Travels with what is called
 * in the same tick, and seldom has anything to do.
 */
export function keepTags(parts: Parts, tier: RemoteTier, { tags, generation, usefulUntil }: KeptEntry): void {
  const now = parts.clock.now();
  const keepFor = tagsKeepFor(usefulUntil - now);
  const neededUntil = Math.min(usefulUntil - TOLERANCE_MS, now + LONGEST_TAG_LIFE_MS / 2);
  const short = tags.filter(({ keptUntil }) => keptUntil < neededUntil);
  if (short.length === 0) return;
  // From here on, so that entries that are stored together do not all ask for it.
  for (const state of short) state.keptUntil = now + keepFor;
  const named = short.map(({ tag }) => tag);
  const keeping = tier.tagGenerations(named, generation, keepFor, knownOf(parts, named));
  // The entry that is stored beside it says what is wrong with L2.
  parts.background.track(keeping, () => {
    for (const state of short) state.keptUntil = Number.NEGATIVE_INFINITY;
  });
}

/**
 * Puts the generations that this process knows into `into` and answers the tags that must be read. Memory counts only
 * while this instance is proven: unproven, it may have missed the message that would have corrected it.
 */
export function recall(parts: Parts, tags: Iterable<EntryId>, into: Generations): EntryId[] {
  const { hasBus, clock, proof, tags: registry } = parts;
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
  { tags: registry }: Parts,
  { beganAt }: Flight<Refilled>,
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
 * @returns what came of it when L2 could not say.
 */
export async function generationsFor(
  parts: Parts,
  request: Pick<ReadRequest, 'key' | 'options'>,
  { flight, envelope }: { readonly flight: Flight<Refilled>; readonly envelope: Envelope },
  into: Generations,
): Promise<Unanswered | undefined> {
  const tags = envelope.tags.map(([tag]) => tag);
  const failed = await readGenerations(parts, request, flight, tags, into);
  if (failed !== undefined) return failed;
  const doubted = doubtedTags(parts, flight, envelope, into);
  return doubted.length === 0 ? undefined : readFromL2(parts, request, flight, doubted, into);
}

/**
 * Takes the generations of `tags`, which a flight has read into `generations`, into memory, unless a message has passed,
 * since the flight began, that the reading may not have seen.
 */
export function takeFor(
  parts: Parts,
  flight: Flight<Refilled>,
  tags: readonly EntryId[],
  generations: Generations,
  keptFor: number,
): void {
  // L2 forgets a generation that nobody reads for that long. Who still knew it then would void what others store under
  // the one that comes after it, and they what he stores; so it is read again, and renewed, in time.
  const now = parts.clock.now();
  const knownUntil = now + keptFor / (2 * LIVES_PER_USE);
  if (flight.poisoned) return;
  for (const tag of tags) {
    const generation = generations.get(tag);
    // What was owed when the flight began may have been delivered after this was read.
    if (generation === undefined || flight.owed.coversTag(tag)) continue;
    const watched = flight.tags.find((state) => state.tag === tag);
    if (watched === undefined) {
      if (!flight.hasEnded([tag])) parts.tags.learn(parts.tags.obtain(tag), generation, knownUntil, now + keptFor);
    } else if (watched.status === 'current') parts.tags.learn(watched, generation, knownUntil, now + keptFor);
  }
}

/** Takes what was read of tags into `into`, and by {@link takeFor} into memory. */
export function take(
  parts: Parts,
  flight: Flight<Refilled>,
  tags: readonly EntryId[],
  read: readonly (TagGeneration | undefined)[],
  keptFor: number,
  into: Generations,
): void {
  enter(tags, read, into);
  takeFor(parts, flight, tags, into, keptFor);
}

/**
 * Reads the generations of these tags that are not known yet, in one round trip.
 * @returns what came of it when L2 could not say, or nothing: `into` then holds them all.
 */
export async function readGenerations(
  parts: Parts,
  request: Pick<ReadRequest, 'key' | 'options'>,
  flight: Flight<Refilled>,
  tags: readonly EntryId[],
  into: Generations,
): Promise<Unanswered | undefined> {
  const missing = recall(parts, tags, into);
  return missing.length === 0 ? undefined : readFromL2(parts, request, flight, missing, into);
}

async function readFromL2(
  parts: Parts,
  { key, options }: Pick<ReadRequest, 'key' | 'options'>,
  flight: Flight<Refilled>,
  missing: readonly EntryId[],
  into: Generations,
): Promise<Unanswered | undefined> {
  const { remote } = parts;
  if (remote === undefined) return undefined;
  if (flight.stage === 'first-question') flight.goOn('further-questions');
  const keepFor = tagsKeepFor(usefulForMs(options));
  const asked = await new Promise<Asked<Generations>>((onRead) => {
    readTags(parts, remote, { key, tags: missing, keepFor, budgetMs: options.l2TimeoutMs, onRead });
  });
  if (!asked.ok) {
    if (asked.error !== undefined) remote.report({ name: 'tags', budgetMs: options.l2TimeoutMs, key }, asked.error);
    return asked;
  }
  const read = missing.map((tag) => asked.value.get(tag));
  take(parts, flight, missing, read, keepFor, into);
  return undefined;
}

/** Tags in one script call: a script holds up the whole server while it runs. */
const TAGS_PER_SCRIPT = 1_000;

/** Reads the generations of tags. What is asked for in one turn of the event loop is asked as one, each tag once. */
export function readTags(parts: Parts, remote: Remote, read: TagRead): void {
  const { tagReads } = parts;
  if (tagReads.push(read) > 1) return;
  try {
    remote.tier.beforeSending(() => send(parts, remote, tagReads.splice(0)));
  } catch (error) {
    for (const { onRead } of tagReads.splice(0)) onRead({ ok: false, reason: 'error', error });
  }
}

function send(parts: Parts, remote: Remote, reads: readonly TagRead[]): void {
  for (const sameTerms of Map.groupBy(reads, ({ budgetMs }) => budgetMs).values())
    parts.background.track(askAsOne(parts, remote, sameTerms));
}

async function askAsOne(parts: Parts, remote: Remote, reads: readonly TagRead[]): Promise<void> {
  const tags = [...new Set(reads.flatMap((read) => read.tags))];
  const keepFor = Math.max(...reads.map((read) => read.keepFor));
  const operation = { name: 'tags', budgetMs: reads[0]?.budgetMs ?? 0, keys: reads.map(({ key }) => key) };
  const asked = await remote.ask(operation, (tier, { generation }) =>
    generationsOf(parts, tier, { tags, generation, keepFor }),
  );
  for (const { onRead } of reads) onRead(asked);
}

/** The generations of tags in L2, asked for at once, however many scripts that takes. */
export async function generationsOf(
  parts: Parts,
  tier: RemoteTier,
  {
    tags,
    generation,
    keepFor,
  }: { readonly tags: readonly EntryId[]; readonly generation: string; readonly keepFor: number },
): Promise<Generations> {
  const generations: Generations = new Map();
  const readSome = async (some: readonly EntryId[]): Promise<void> =>
    enter(some, await tier.tagGenerations(some, generation, keepFor, knownOf(parts, some)), generations);
  const reading: Promise<void>[] = [];
  for (let at = 0; at < tags.length; at += TAGS_PER_SCRIPT)
    reading.push(readSome(tags.slice(at, at + TAGS_PER_SCRIPT)));
  await Promise.all(reading);
  return generations;
}
