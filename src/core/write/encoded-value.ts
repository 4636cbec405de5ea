import { jittered, type Lifetime, lifetimeOf } from '../model/lifetime.ts';
import type { Generations, TagGeneration } from '../model/tags.ts';
import { assertStorable } from '../model/value.ts';
import { stampsOf, tooLong } from '../refill/stored-value.ts';
import type { CacheContext } from '../state/context.ts';
import type { WriteRequest } from '../state/request.ts';

/** A value of a `set` in the form in which L2 gets it. */
export interface Encoded {
  readonly body: string | Uint8Array;
  /** Its TTL includes the jitter. */
  readonly lifetime: Lifetime;
}

/**
 * Encodes a value and applies the jitter.
 * @param wanted The lifetime without jitter.
 */
export function encode(
  { codec, version, random }: CacheContext,
  { id, value, options, tagIds }: WriteRequest,
  wanted: Lifetime,
  generations: Generations,
): Encoded {
  const lifetime = jittered(wanted, options.jitter, random.next());
  const body = codec.encode({
    id,
    version,
    value,
    ttl: lifetime.ttlMs,
    staleWhileRevalidate: lifetime.staleWhileRevalidateMs,
    staleIfError: lifetime.staleIfErrorMs,
    loadMs: 0,
    tags: stampsOf(tagIds, generations),
  });
  return { body, lifetime };
}

/** @throws {@link InvalidValueError} when the value cannot be stored as it is. */
export function assertWritable(context: CacheContext, request: WriteRequest): void {
  const mostBytes = assertStorable(request.value, request.key);
  const lifetime = lifetimeOf(request.value, request.options);
  if (lifetime.ttlMs === 0 || context.l2 === undefined || mostBytes + HEADER_ROOM <= context.maxValueBytes) return;
  assertFits(context, request, lifetime);
}

/** The most bytes that key, tags and lifetime take. */
const HEADER_ROOM = 2 ** 20;

/** A generation that is longer than any that a server gives. */
const LONGEST_GENERATION: TagGeneration = { hard: '-'.repeat(64), soft: '_'.repeat(64) };

/**
 * Checks the length before anything is changed. The generations of the tags are unknown then, so they count at their
 * longest.
 */
function assertFits(context: CacheContext, request: WriteRequest, lifetime: Lifetime): void {
  const generations: Generations = new Map(request.tagIds.map((tag) => [tag, LONGEST_GENERATION]));
  const error = tooLong(context, encode(context, request, lifetime, generations).body, request.key);
  if (error !== undefined) throw error;
}
