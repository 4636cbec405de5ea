import { jittered, type Lifetime, lifetimeOf } from '../model/lifetime.ts';
import type { Generations, TagGeneration } from '../model/tags.ts';
import { assertStorable } from '../model/value.ts';
import { stampsOf, tooLong } from '../refill/stored-value.ts';
import type { CacheContext } from '../state/context.ts';
import type { WriteRequest } from '../state/request.ts';

/** A value that is set, as L2 is given it. */
export interface Encoded {
  readonly body: string | Uint8Array;
  /** With the TTL as jitter has left it. */
  readonly lifetime: Lifetime;
}

/** @param wanted Without jitter. */
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

/** Key, tags and windows take no more bytes than this. */
const HEADER_ROOM = 2 ** 20;

/** Longer than any generation that a server gives. */
const LONGEST_GENERATION: TagGeneration = { hard: '-'.repeat(64), soft: '_'.repeat(64) };

/** Asked before anything is touched, when the tags' generations are not known yet: it counts them at their longest. */
function assertFits(context: CacheContext, request: WriteRequest, lifetime: Lifetime): void {
  const generations: Generations = new Map(request.tagIds.map((tag) => [tag, LONGEST_GENERATION]));
  const error = tooLong(context, encode(context, request, lifetime, generations).body, request.key);
  if (error !== undefined) throw error;
}
