import { type Dated, type Entry, entryOf } from '../model/entry.ts';
import { CodecError, InvalidOptionError, InvalidValueError } from '../model/errors.ts';
import type { EntryId } from '../model/key.ts';
import { expiredBy, type Generations, NO_GENERATION, type TagGeneration, type TagState } from '../model/tags.ts';
import type { Envelope, TagStamp } from '../ports/codec.ts';
import type { StoredValue } from '../ports/remote-tier.ts';
import { dropRejection } from '../primitives/quietly.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';

/** Tags as an envelope carries them: under the generations of before the load. */
export function stampsOf(tags: readonly EntryId[], generations: Generations): TagStamp[] {
  return tags.map((tag) => {
    const { hard, soft } = generations.get(tag) ?? NO_GENERATION;
    return [tag, hard, soft];
  });
}

/** The use that a flight may make of a value in L2. */
export type Verdict =
  | { readonly kind: 'usable'; readonly entry: Entry; readonly state: 'fresh' | 'stale' }
  /** Only for `staleIfError`. */
  | { readonly kind: 'expired'; readonly entry: Entry }
  /** Of another key, version or format, ended by a tag, or of unknown age: as good as nothing. */
  | { readonly kind: 'void' };

/** Decodes a stored value. Answers `undefined` for one that this cache must not use. */
export function decodeStored(context: CacheContext, request: ReadRequest, stored: StoredValue): Envelope | undefined {
  let envelope: Envelope;
  try {
    envelope = context.codec.decode(unpacked(context, stored.body));
  } catch (caught) {
    // A tier that hands no body out knows better than the codec what is wrong.
    const error = stored.broken === undefined ? caught : new CodecError(stored.broken);
    context.emit({ type: 'tier_failure', error, operation: 'decode', tier: 'l2', key: request.key, background: false });
    return undefined;
  }
  // Bytes pasted under another key, or of another schema, are no answer.
  if (envelope.id !== request.id || envelope.version !== context.version) return undefined;
  // An entry made before a tag was named here could not be invalidated by it.
  for (const tag of request.tagIds) if (!carries(envelope, tag)) return undefined;
  if (context.validate !== undefined && !passes(context, context.validate, request.key, envelope.value))
    return undefined;
  return envelope;
}

/** A validator that refuses, throws, or answers later, costs a load of this key and nothing else. */
function passes(
  { emit, refused }: CacheContext,
  validate: NonNullable<CacheContext['validate']>,
  key: string,
  value: unknown,
): boolean {
  if (value === null) return true;
  try {
    const answer: unknown = validate(value, key);
    if (answer === false) refused.report(key);
    if (typeof answer === 'boolean') return answer;
    dropRejection(answer);
    throw new InvalidOptionError('validate', answer, 'a function that answers true or false at once');
  } catch (error) {
    emit({ type: 'tier_failure', error, operation: 'validate', tier: 'l2', key, background: false });
    return false;
  }
}

/** No index: entries have few tags, and those of a read stand first. */
function carries({ tags }: Envelope, tag: EntryId): boolean {
  for (const [carried] of tags) if (carried === tag) return true;
  return false;
}

/** Judges an envelope at `now` by its tags' generations, which must all be in `generations`, and by its windows. */
export function validateStored(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  stored: StoredValue,
  envelope: Envelope,
  generations: ReadonlyMap<EntryId, TagGeneration>,
  now = context.clock.now(),
): Verdict {
  const { l2 } = context;
  const storedAt = l2?.toLocal(stored.storedAt) ?? now;
  const expiredAt = stored.expiredAt > 0 ? (l2?.toLocal(stored.expiredAt) ?? now) : undefined;
  // The server's clock has stepped back since: the difference says nothing of how old the value is.
  if (l2 !== undefined && Math.max(storedAt, expiredAt ?? storedAt) - now > l2.uncertaintyMs) return VOID;

  let softenedAt: number | undefined;
  const tags: TagState[] = [];
  for (const [tag, hard, soft] of envelope.tags) {
    const state = watchedBy(flight, tag) ?? context.tags.obtain(tag);
    // By the name that is known already: that of the envelope has just been made, and would have to be hashed.
    const current = generations.get(state.tag);
    if (current === undefined || current.hard !== hard) return VOID;
    if (current.soft !== soft) softenedAt = Math.min(softenedAt ?? now, softenedSince(context, current, storedAt, now));
    tags.push(state);
  }
  const dated: Dated = {
    value: envelope.value,
    loadMs: envelope.loadMs,
    storedAt: Math.min(storedAt, now),
    lifetime: {
      ttlMs: envelope.ttl,
      staleWhileRevalidateMs: envelope.staleWhileRevalidate,
      staleIfErrorMs: envelope.staleIfError,
    },
    tags,
    loadBeganAt: Number.NEGATIVE_INFINITY,
    expiredAt: softenedAt === undefined ? expiredAt : Math.min(softenedAt, expiredAt ?? softenedAt),
  };
  const entry = entryOf(dated, request.options, now, context.random.next(), request.counters);
  if (entry.expired) return now < entry.errorUntil ? { kind: 'expired', entry } : VOID;
  if (now < entry.freshUntil) return { kind: 'usable', entry, state: 'fresh' };
  if (now < entry.staleUntil) return { kind: 'usable', entry, state: 'stale' };
  return now < entry.errorUntil ? { kind: 'expired', entry } : VOID;
}

/**
 * When a tag expired the value, which is not before it was stored. Of a tag that was expired again since, only the latest
 * moment is known. A moment that the server's clock cannot have told counts as that of storing.
 */
function softenedSince({ l2 }: CacheContext, generation: TagGeneration, storedAt: number, now: number): number {
  const time = expiredBy(generation);
  const at = time === undefined || l2 === undefined ? storedAt : l2.toLocal(time);
  if (l2 !== undefined && at - now > l2.uncertaintyMs) return storedAt;
  return Math.min(Math.max(at, storedAt), now);
}

const VOID: Verdict = { kind: 'void' };

function watchedBy({ tags }: Flight<RefillResult>, tag: EntryId): TagState | undefined {
  for (const state of tags) if (state.tag === tag) return state;
  return undefined;
}

type Body = StoredValue['body'];

/** UTF-8 takes at most three bytes for each unit of a string. */
const MOST_UNIT_BYTES = 3;

const utf8 = new TextEncoder();

/** Returns the error of a body that is too long for L2, or `undefined`. */
export function tooLong(
  { maxValueBytes }: Pick<CacheContext, 'maxValueBytes'>,
  body: Body,
  key: string,
): Error | undefined {
  const bytes = lengthAbove(maxValueBytes, body);
  if (bytes === undefined) return undefined;
  return new InvalidValueError(`takes ${bytes} bytes when encoded; maxValueBytes is ${maxValueBytes}`, {
    key,
    tier: 'l2',
  });
}

/** A body as it goes to L2. */
export function packed({ l2 }: Pick<CacheContext, 'l2'>, body: Body): Body {
  return l2?.tier.packing?.pack(body) ?? body;
}

/**
 * A body as the codec made it, from how L2 holds it.
 * @throws {@link CodecError} when it is damaged or too long, by whatever limit it was written.
 */
export function unpacked({ l2, maxValueBytes }: Pick<CacheContext, 'l2' | 'maxValueBytes'>, body: Body): Body {
  const bytes = lengthAbove(maxValueBytes, body);
  if (bytes !== undefined) throw new CodecError(`they are ${bytes} bytes; maxValueBytes is ${maxValueBytes}`);
  return l2?.tier.packing?.unpack(body, maxValueBytes) ?? body;
}

/** In bytes. Only a text that may be too long is measured: its length alone clears most. */
function lengthAbove(limit: number, body: Body): number | undefined {
  if (typeof body === 'string' && body.length * MOST_UNIT_BYTES <= limit) return undefined;
  const bytes = typeof body === 'string' ? utf8.encode(body).length : body.length;
  return bytes > limit ? bytes : undefined;
}
