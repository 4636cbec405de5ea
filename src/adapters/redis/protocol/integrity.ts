import { Buffer } from 'node:buffer';
import { InvalidOptionError } from '../../../core/model/errors.ts';
import type { InvalidationOrder } from '../../../core/model/invalidation.ts';
import { isRepetition } from '../../../core/primitives/repetition.ts';
import { Hmac } from './hmac.ts';

/** An HMAC-SHA-256 is cut to 128 bits, in hexadecimal. */
const MAC_DIGITS = 32;

const SHORTEST_KEY_BYTES = 16;
/** Fewer different bytes are no random key. */
const LEAST_DIFFERENT = 6;
/** One writes, the others are read while they are rotated out. */
const MOST_KEYS = 8;

/** `;`, which ends the seal of a record: `mac=<key id>:<32 digits>;`. */
const SEAL_END = 0x3b;

interface Key {
  /** The id, as it stands before each MAC of this key. */
  readonly prefix: string;
  /** The same as it begins the extra block of a record. */
  readonly seal: string;
  readonly hmac: Hmac;
}

const WANTED =
  `"<id>:<key>", or several with commas between them: the id has 1 to 16 letters, digits, "_" or "-", the key is base64 of at ` +
  `least ${SHORTEST_KEY_BYTES} random bytes, as of openssl rand -base64 32. The first one signs, all are read`;

/** The parts of a message that its sender decides; the script gives the rest. */
type Said = Pick<InvalidationOrder, 'origin' | 'mode' | 'targets'>;

/**
 * Shows that a record or a message was made by an instance that has one of the keys. The first key signs, all are read. The
 * times and numbers that scripts write are not covered: who may write to Redis can still replay, delete and renumber.
 */
export class Integrity {
  readonly #keys: readonly Key[];

  /**
   * @param given `<id>:<key in base64>`, or several with commas between them.
   * @throws {@link InvalidOptionError} naming `integrityKey`. It repeats nothing of a key.
   */
  constructor(given: unknown) {
    this.#keys = keysOf(given);
  }

  /**
   * The extra block of a record.
   * @param name The key in Redis: it holds the namespace, the version of the cache, the generation and the id.
   */
  seal(name: string, body: string | Uint8Array): string {
    const { seal, hmac } = this.#first;
    return `${seal}${macOf(hmac, nameOfRecord(name), body)};`;
  }

  /**
   * True when the extra block of a record, from `extraAt` to `bodyAt`, belongs to this name and to the body behind it. It is asked
   * of each value that is read, so it looks at the bytes where they are.
   */
  isSealed(bytes: Buffer, extraAt: number, bodyAt: number, name: string): boolean {
    for (const { seal, hmac } of this.#keys) {
      if (!standsAt(bytes, extraAt, seal)) continue;
      const macAt = extraAt + seal.length;
      const isWhole = macAt + MAC_DIGITS < bodyAt && bytes[macAt + MAC_DIGITS] === SEAL_END;
      return isWhole && isSame(bytes, macAt, hmac.hexOfBytes(nameOfRecord(name), bytes, bodyAt));
    }
    return false;
  }

  /** The `mac` of a message. */
  sign(channel: string, said: Said): string {
    const { prefix, hmac } = this.#first;
    return prefix + macOf(hmac, nameOfMessage(channel), textOf(said));
  }

  /** True when a `mac` belongs to the content of a message on this channel. */
  isSigned(given: unknown, channel: string, said: Said): boolean {
    if (typeof given !== 'string') return false;
    const bytes = Buffer.from(given, 'latin1');
    for (const { prefix, hmac } of this.#keys) {
      if (!given.startsWith(prefix)) continue;
      const isWhole = given.length === prefix.length + MAC_DIGITS;
      return isWhole && isSame(bytes, prefix.length, macOf(hmac, nameOfMessage(channel), textOf(said)));
    }
    return false;
  }

  get #first(): Key {
    const [first] = this.#keys;
    if (first === undefined) throw refused('no key');
    return first;
  }
}

function standsAt(bytes: Uint8Array, from: number, text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (bytes[from + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** The length before the name keeps a name and what follows it apart. */
function nameOfRecord(name: string): string {
  return `record:${name.length}:${name}`;
}

function nameOfMessage(channel: string): string {
  return `message:${channel.length}:${channel}`;
}

function macOf(hmac: Hmac, name: string, said: string | Uint8Array): string {
  return hmac.hex(name, said).slice(0, MAC_DIGITS);
}

/**
 * Compares in constant time: every digit is looked at, whatever those before it were. `timingSafeEqual` would need two buffers
 * for each value that is read, which takes longer than the MAC.
 */
function isSame(bytes: Uint8Array, from: number, mac: string): boolean {
  let difference = 0;
  for (let at = 0; at < MAC_DIGITS; at += 1) difference |= (bytes[from + at] ?? 0) ^ mac.charCodeAt(at);
  return difference === 0;
}

/** One text for all messages that say the same, whatever the order and the number of the fields that carried it. */
function textOf({ origin, mode, targets: { ids, tags, pattern } }: Said): string {
  return JSON.stringify([origin, mode, ids, tags, pattern === undefined ? [] : [pattern.namespace, pattern.glob]]);
}

function keysOf(given: unknown): readonly Key[] {
  if (typeof given !== 'string') throw refused(typeof given);
  const keys = given.split(',').map(keyOf);
  if (keys.length > MOST_KEYS) throw refused(`${keys.length} keys`);
  if (new Set(keys.map(({ prefix }) => prefix)).size < keys.length) throw refused('two keys of one id');
  return keys;
}

function keyOf(given: string, place: number): Key {
  const [, id = '', text = ''] = /^([\w-]{1,16}):([\w+/-]+={0,2})$/.exec(given) ?? [];
  const secret = Buffer.from(text, 'base64');
  const what = `key ${place + 1}`;
  if (id === '') throw refused(`${what} of another form`);
  if (secret.length < SHORTEST_KEY_BYTES) throw refused(`${what}, which has ${secret.length} bytes`);
  if (new Set(secret).size < LEAST_DIFFERENT) throw refused(`${what}, which is not random`);
  if (isRepetition(text, 2) || isRepetition(secret.toString('latin1'), 2))
    throw refused(`${what}, which repeats a short text`);
  return { prefix: `${id}:`, seal: `mac=${id}:`, hmac: new Hmac(secret) };
}

function refused(what: string): InvalidOptionError {
  return new InvalidOptionError('integrityKey', what, WANTED);
}
