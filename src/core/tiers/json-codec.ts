import { LONGEST_DURATION_MS } from '../model/duration.ts';
import { CodecError, InvalidValueError } from '../model/errors.ts';
import { ROOT_TAG } from '../model/key.ts';
import { assertReadable, deepFreeze } from '../model/value.ts';
import type { Codec, Envelope, TagStamp } from '../ports/codec.ts';

/** The first element of every envelope. Another format has another number, and is a miss to this one. */
const FORMAT = 4;

/** The number of elements of this format. Readers ignore elements behind them. */
const ELEMENTS = 9;

/**
 * The most tags that a reader accepts. It asks L2 for each and keeps each in memory. An entry has 64 of its own, and
 * one for each namespace.
 */
const MOST_TAGS = 1_024;

/** The parts of each tag in an envelope: its name, `hard` and `soft`. */
const PARTS_PER_TAG = 3;

/** Stands for `Infinity`, which JSON lacks. No duration is -1. */
const FOR_EVER = -1;

type Wire = [
  format: number,
  id: string,
  version: string,
  ttl: number,
  staleWhileRevalidate: number,
  staleIfError: number,
  loadMs: number,
  /**
   * Name, `hard` and `soft` of each tag. The tag of the root, which every entry has, is written without its name,
   * because JSON would escape its characters.
   */
  tags: string[],
  value: unknown,
];

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Returns a codec that writes header and value as one JSON array. Reading an entry is then one `JSON.parse`, and
 * redis-cli shows it as text.
 * @param freeze True when decoded values are deeply frozen.
 */
export function jsonCodecOf(freeze: boolean): Codec {
  return freeze ? jsonCodec : { ...jsonCodec, decode: (body) => openReadable(FORMAT, body) };
}

/** The codec whose decoded values are frozen; see {@link jsonCodecOf}. */
export const jsonCodec: Codec = {
  format: FORMAT,

  encode: (envelope) => encodeAs(FORMAT, envelope),

  decode(body) {
    const envelope = openAs(FORMAT, body);
    deepFreeze(envelope.value);
    return envelope;
  },

  written: (value) => value,
  copyOf: (value) => value,
};

/** Encodes an envelope as JSON. @throws {@link InvalidValueError} when a value cannot be written as JSON. */
export function encodeAs(format: number, envelope: Envelope): string {
  const { id, version, ttl, staleWhileRevalidate, staleIfError, loadMs, tags, value } = envelope;
  const wire: Wire = [
    format,
    id,
    version,
    toWire(ttl),
    toWire(staleWhileRevalidate),
    toWire(staleIfError),
    toWire(loadMs),
    flat(tags),
    value,
  ];
  try {
    return JSON.stringify(wire);
  } catch (cause) {
    throw new InvalidValueError('cannot be written as JSON', { key: id, cause });
  }
}

/** Decodes an envelope. @throws {@link CodecError} when the bytes are no envelope of this format. */
export function openAs(format: number, body: string | Uint8Array): Envelope {
  let wire: unknown;
  try {
    wire = JSON.parse(typeof body === 'string' ? body : utf8.decode(body));
  } catch (cause) {
    throw new CodecError('they are not JSON', { cause });
  }
  if (!isWire(wire, format)) throw new CodecError('they are of another format');
  const [, id, version, ttl, staleWhileRevalidate, staleIfError, loadMs, tags, value] = wire;
  if (!isDuration(ttl) || !isDuration(staleWhileRevalidate) || !isDuration(staleIfError) || !isDuration(loadMs))
    throw new CodecError('they hold a duration that is none');
  const named = tags.length / PARTS_PER_TAG;
  if (named > MOST_TAGS) throw new CodecError(`they name ${named} tags; an entry has at most ${MOST_TAGS}`);
  return {
    id,
    version,
    value,
    ttl: fromWire(ttl),
    staleWhileRevalidate: fromWire(staleWhileRevalidate),
    staleIfError: fromWire(staleIfError),
    loadMs: fromWire(loadMs),
    tags: stamps(tags),
  };
}

/**
 * Decodes an envelope whose value is not frozen.
 * @throws {@link CodecError} as {@link openAs}, and for a value that cannot be.
 */
export function openReadable(format: number, body: string | Uint8Array): Envelope {
  const envelope = openAs(format, body);
  assertReadable(envelope.value);
  return envelope;
}

function toWire(duration: number): number {
  return duration === Infinity ? FOR_EVER : Math.round(duration);
}

function fromWire(duration: number): number {
  return duration === FOR_EVER ? Infinity : duration;
}

/** True for a duration that an option accepts: none takes a longer or a negative one. */
function isDuration(given: number): boolean {
  return (given >= 0 && given <= LONGEST_DURATION_MS) || given === FOR_EVER;
}

function isWire(wire: unknown, format: number): wire is Wire {
  if (!Array.isArray(wire) || wire.length < ELEMENTS || wire[0] !== format) return false;
  const [, id, version, ttl, staleWhileRevalidate, staleIfError, loadMs, tags] = wire as unknown[];
  if (typeof id !== 'string' || typeof version !== 'string') return false;
  if (typeof ttl !== 'number' || typeof staleWhileRevalidate !== 'number') return false;
  if (typeof staleIfError !== 'number' || typeof loadMs !== 'number') return false;
  if (!Array.isArray(tags)) return false;
  for (const part of tags) if (typeof part !== 'string') return false;
  return tags.length % PARTS_PER_TAG === 0;
}

/** Lists the parts of the tags. `soft` usually equals `hard` and is then empty, which no generation is. */
function flat(tags: readonly TagStamp[]): string[] {
  const parts: string[] = [];
  for (const [tag, hard, soft] of tags) parts.push(tag === ROOT_TAG ? '' : tag, hard, soft === hard ? '' : soft);
  return parts;
}

function stamps(parts: readonly string[]): TagStamp[] {
  const tags: TagStamp[] = [];
  for (let index = 0; index < parts.length; index += PARTS_PER_TAG) {
    const hard = parts[index + 1] ?? '';
    tags.push([parts[index] || ROOT_TAG, hard, parts[index + 2] || hard]);
  }
  return tags;
}
