import { CodecError, InvalidValueError } from './errors.ts';
import type { Codec, Envelope } from './ports.ts';
import type { TagGeneration } from './tags.ts';
import { deepFreeze } from './value.ts';

/** The first element of every envelope: another format is another number, and is a miss to this one. */
const FORMAT = 2;

/** `Infinity` is not JSON; -1 is no duration. */
const FOR_EVER = -1;

type Wire = [
  format: number,
  id: string,
  version: string,
  ttl: number,
  staleWhileRevalidate: number,
  staleIfError: number,
  loadMs: number,
  tags: [tag: string, hard: string, soft: string][],
  value: unknown,
];

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One JSON array for header and value: reading an entry is one `JSON.parse`, and redis-cli shows it as it is. */
export const jsonCodec: Codec = {
  encode(envelope) {
    const { id, version, ttl, staleWhileRevalidate, staleIfError, loadMs, tags, value } = envelope;
    const wire: Wire = [
      FORMAT,
      id,
      version,
      toWire(ttl),
      toWire(staleWhileRevalidate),
      toWire(staleIfError),
      toWire(loadMs),
      tags.map(([tag, { hard, soft }]) => [tag, hard, soft]),
      value,
    ];
    try {
      return JSON.stringify(wire);
    } catch (cause) {
      throw new InvalidValueError('cannot be written as JSON', { key: id, cause });
    }
  },

  decode(body) {
    let wire: unknown;
    try {
      wire = JSON.parse(typeof body === 'string' ? body : utf8.decode(body));
    } catch (cause) {
      throw new CodecError('they are not JSON', { cause });
    }
    if (!isWire(wire)) throw new CodecError('they are of another format');
    const [, id, version, ttl, staleWhileRevalidate, staleIfError, loadMs, tags, value] = wire;
    return {
      id,
      version,
      value: deepFreeze(value),
      ttl: fromWire(ttl),
      staleWhileRevalidate: fromWire(staleWhileRevalidate),
      staleIfError: fromWire(staleIfError),
      loadMs: fromWire(loadMs),
      tags: tags.map(([tag, hard, soft]): [string, TagGeneration] => [tag, { hard, soft }]),
    } satisfies Envelope;
  },
};

function toWire(duration: number): number {
  return duration === Infinity ? FOR_EVER : Math.round(duration);
}

function fromWire(duration: number): number {
  return duration === FOR_EVER ? Infinity : duration;
}

function isWire(wire: unknown): wire is Wire {
  if (!Array.isArray(wire) || wire.length !== 9 || wire[0] !== FORMAT) return false;
  const [, id, version, ttl, staleWhileRevalidate, staleIfError, loadMs, tags] = wire as unknown[];
  return (
    typeof id === 'string' &&
    typeof version === 'string' &&
    [ttl, staleWhileRevalidate, staleIfError, loadMs].every((duration) => typeof duration === 'number') &&
    Array.isArray(tags) &&
    tags.every((tag) => Array.isArray(tag) && tag.length === 3 && tag.every((part) => typeof part === 'string'))
  );
}
