import { jittered, type Windows, windowsOf } from '../model/lifetime.ts';
import type { Generations, TagGeneration } from '../model/tags.ts';
import { assertStorable } from '../model/value.ts';
import { stampsOf, tooLong } from '../refill/stored-value.ts';
import type { Parts } from '../state/context.ts';
import type { WriteRequest } from '../state/request.ts';

/** A value that is set, as L2 is given it. */
export interface Encoded {
  readonly body: string | Uint8Array;
  /** With the TTL as jitter has left it. */
  readonly windows: Windows;
}

/** @param wanted Without jitter. */
export function encode(
  { codec, version, random }: Parts,
  { id, value, options, tagIds }: WriteRequest,
  wanted: Windows,
  generations: Generations,
): Encoded {
  const windows = jittered(wanted, options.jitter, random.next());
  const body = codec.encode({
    id,
    version,
    value,
    ttl: windows.ttlMs,
    staleWhileRevalidate: windows.staleWhileRevalidateMs,
    staleIfError: windows.staleIfErrorMs,
    loadMs: 0,
    tags: stampsOf(tagIds, generations),
  });
  return { body, windows };
}

/** @throws {@link InvalidValueError} when the value cannot be stored as it is. */
export function assertWritable(parts: Parts, request: WriteRequest): void {
  const mostBytes = assertStorable(request.value, request.key);
  const windows = windowsOf(request.value, request.options);
  if (windows.ttlMs === 0 || parts.remote === undefined || mostBytes + HEADER_ROOM <= parts.maxValueBytes) return;
  assertFits(parts, request, windows);
}

/** Key, tags and windows take no more bytes than this. */
const HEADER_ROOM = 2 ** 20;

/** Longer than any generation that a server gives. */
const LONGEST_GENERATION: TagGeneration = { hard: '-'.repeat(64), soft: '_'.repeat(64) };

/** Asked before anything is touched, when the tags' generations are not known yet: it counts them at their longest. */
function assertFits(parts: Parts, request: WriteRequest, windows: Windows): void {
  const generations: Generations = new Map(request.tagIds.map((tag) => [tag, LONGEST_GENERATION]));
  const error = tooLong(parts, encode(parts, request, windows, generations).body, request.key);
  if (error !== undefined) throw error;
}
