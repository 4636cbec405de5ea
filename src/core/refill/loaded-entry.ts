import { type Dated, type Entry, entryOf } from '../model/entry.ts';
import { InvalidValueError } from '../model/errors.ts';
import { type EntryId, toId } from '../model/key.ts';
import { jittered, lifetimeOf, usefulForMs } from '../model/lifetime.ts';
import { assertTags } from '../model/options.ts';
import { type Generations, NO_GENERATION, numberOf } from '../model/tags.ts';
import { assertStorable } from '../model/value.ts';
import type { Codec } from '../ports/codec.ts';
import { ignore } from '../primitives/quietly.ts';
import { withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { Loaded } from '../tiers/loader.ts';
import { readGenerations, recall } from './generations.ts';
import { stampsOf } from './stored-value.ts';

/** A loaded value, ready to be stored and handed out. */
export interface LoadedEntry {
  readonly entry: Entry;
  readonly body: string | Uint8Array;
  /** The time in milliseconds for which the record may be of use. */
  readonly keepForMs: number;
  /** True when its TTL and the loader allow it to be stored. */
  readonly isWanted: boolean;
  readonly mayKeepInL1: boolean;
  readonly mayFillL2: boolean;
}

/**
 * Makes an entry of a loaded value. The value is encoded and decoded once, so that the first caller gets the same value
 * as every later one.
 * @param mayFill True when the flight has a right to fill L2.
 * @throws {@link InvalidValueError} when it cannot be stored as it is.
 */
export async function buildLoadedEntry(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  loaded: Loaded,
  generations: Generations,
  mayFill: boolean,
): Promise<LoadedEntry> {
  const { clock, random, codec, version } = context;
  const { key, id, options, counters } = request;
  const written = codec.written(loaded.value, key);
  assertStorable(written, key);
  const lateTags = tagsOfValue(request, loaded).filter((tag) => !request.tagIds.includes(tag));
  const late = await lateGenerations(context, request, flight, lateTags, generations, mayFill);
  const loadMs = loaded.endedAt - loaded.beganAt;
  const wanted = lifetimeOf(loaded.value, options, loaded.ttlMs);
  const lifetime = jittered(wanted, options.jitter, random.next());
  const body = codec.encode({
    id,
    version,
    value: written,
    ttl: lifetime.ttlMs,
    staleWhileRevalidate: lifetime.staleWhileRevalidateMs,
    staleIfError: lifetime.staleIfErrorMs,
    loadMs,
    tags: stampsOf([...request.tagIds, ...lateTags], generations),
  });
  const dated: Dated = {
    loadMs,
    value: readBack(codec, body, key),
    storedAt: loaded.beganAt,
    lifetime,
    tags: [...flight.tags, ...lateTags.map((tag) => context.tags.obtain(tag))],
    loadBeganAt: loaded.beganAt,
  };
  const isWanted = !loaded.skipped && wanted.ttlMs > 0;
  return {
    entry: entryOf(dated, options, clock.now(), random.next(), counters),
    body,
    keepForMs: usefulForMs(lifetime),
    isWanted,
    mayKeepInL1: isWanted && late !== 'moved',
    mayFillL2: isWanted && late === 'as-of-start',
  };
}

/** Decodes the body again, to the value that every later reader gets. */
function readBack(codec: Codec, body: string | Uint8Array, key: string): unknown {
  try {
    return codec.decode(body).value;
  } catch (cause) {
    throw new InvalidValueError('is not what its codec can decode again', { key, cause });
  }
}

/** Ids of the tags that the value and the loader name. */
function tagsOfValue({ options, namespace }: ReadRequest, loaded: Loaded): EntryId[] {
  const ofValue = options.tagsOf?.(loaded.value) ?? [];
  assertTags(ofValue);
  const late = [...new Set([...ofValue, ...loaded.tags])];
  assertTags([...new Set([...options.tags, ...late])]);
  return late.map((tag) => toId(namespace, tag));
}

/**
 * A tag that only the value has named protects the entry if none of its invalidations has come since the flight began.
 * `unknown`: L2 cannot say, so only L1 may hold the value, where messages reach it.
 */
async function lateGenerations(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  tags: readonly EntryId[],
  generations: Generations,
  mayFill: boolean,
): Promise<'as-of-start' | 'moved' | 'unknown'> {
  const { l2 } = context;
  if (tags.length > 0 && l2 !== undefined) {
    // Nothing will be filled, so there is nothing to learn; and an L2 that has just timed out would time out again.
    const unknown = mayFill
      ? (await readGenerations(context, request, flight, tags, generations)) !== undefined
      : recall(context, tags, generations).length > 0;
    if (unknown) return flight.hasEnded(tags) ? 'moved' : 'unknown';
    if (!(await knowsWhatCame(context, request, flight, tags, generations))) return 'moved';
  }
  return flight.hasEnded(tags) ? 'moved' : 'as-of-start';
}

/**
 * True when this instance has heard every message between the begin of the flight and the reading of the generations. Only
 * then does it know which of these tags were invalidated in that time.
 *
 * A generation with a later number than the flight's start was made by an invalidation, or by a reading that found none. An
 * invalidation of a tag without readers leaves no record. The messages up to that number tell which (race 65). They may
 * still be on their way, for a reply can overtake them.
 */
async function knowsWhatCame(
  { hasBus, proof, clock }: CacheContext,
  { options }: ReadRequest,
  flight: Flight<RefillResult>,
  tags: readonly EntryId[],
  generations: Generations,
): Promise<boolean> {
  const { epoch, sequence } = flight.seen;
  if (epoch === undefined) return false;
  const number = Math.max(...tags.map((tag) => numberOf(generations.get(tag) ?? NO_GENERATION, epoch)));
  if (number <= sequence) return true;
  if (number === Infinity || !hasBus) return false;
  const until = clock.now() + options.l2TimeoutMs;
  for (;;) {
    const heard = proof.hasHeard({ epoch, sequence }, number);
    if (heard !== 'not yet') return heard === 'all';
    const now = clock.now();
    if (now >= until || !proof.isProven(now) || flight.hasEnded(tags)) return false;
    await withTimeout(clock, until - now, proof.nextMessage()).catch(ignore);
  }
}
