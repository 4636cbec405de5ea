import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import { InvalidOptionError } from '../../../core/model/errors.ts';
import type { InvalidationOrder } from '../../../core/model/invalidation.ts';
import { Hmac } from './hmac.ts';

/** An HMAC-SHA-256 is cut to 128 bits, in hexadecimal. */
const MAC_DIGITS = 32;

const SHORTEST_KEY_BYTES = 16;
/** One writes, the others are read while they are rotated out. */
const MOST_KEYS = 8;

/** What {@link Integrity.seal} makes: `mac=<key id>:<32 digits>;`. */
const SEAL = /(?:^|;)mac=([\w-]{1,16}):([\da-f]{32});/;

const MAC = /^([\w-]{1,16}):([\da-f]{32})$/;

interface Key {
  readonly id: string;
  readonly hmac: Hmac;
}

const WANTED =
  `"<id>:<key>", or several with commas between them: the id has 1 to 16 letters, digits, "_" or "-", the key is base64 of at ` +
  `least ${SHORTEST_KEY_BYTES} random bytes. The first one signs, all are read`;

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
    const key = this.#first;
    return `mac=${key.id}:${macOf(key, 'record', name, body)};`;
  }

  /** Whether the extra block of a record belongs to this name and this body. */
  isSealed(extra: string, name: string, body: string | Uint8Array): boolean {
    const [, id, mac] = SEAL.exec(extra) ?? [];
    return this.#isOf(id, mac, 'record', name, body);
  }

  /** The `mac` of a message. */
  sign(channel: string, said: Said): string {
    const key = this.#first;
    return `${key.id}:${macOf(key, 'message', channel, textOf(said))}`;
  }

  /** Whether a `mac` belongs to what a message on this channel says. */
  isSigned(given: unknown, channel: string, said: Said): boolean {
    const [, id, mac] = (typeof given === 'string' && MAC.exec(given)) || [];
    return this.#isOf(id, mac, 'message', channel, textOf(said));
  }

  get #first(): Key {
    const [first] = this.#keys;
    if (first === undefined) throw refused('no key');
    return first;
  }

  #isOf(id: string | undefined, mac: string | undefined, ...signed: Signed): boolean {
    const key = this.#keys.find((each) => each.id === id);
    if (key === undefined || mac === undefined) return false;
    return timingSafeEqual(Buffer.from(macOf(key, ...signed)), Buffer.from(mac));
  }
}

type Signed = readonly [kind: 'record' | 'message', name: string, said: string | Uint8Array];

/** The length before the name keeps a name and what follows it apart. */
function macOf({ hmac }: Key, ...[kind, name, said]: Signed): string {
  return hmac.hex(`${kind}:${name.length}:${name}`, said).slice(0, MAC_DIGITS);
}

/** One text for all messages that say the same, whatever the order and the number of the fields that carried it. */
function textOf({ origin, mode, targets: { ids, tags, pattern } }: Said): string {
  return JSON.stringify([origin, mode, ids, tags, pattern === undefined ? [] : [pattern.namespace, pattern.glob]]);
}

function keysOf(given: unknown): readonly Key[] {
  if (typeof given !== 'string') throw refused(typeof given);
  const keys = given.split(',').map(keyOf);
  if (keys.length > MOST_KEYS) throw refused(`${keys.length} keys`);
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw refused('two keys of one id');
  return keys;
}

function keyOf(given: string, place: number): Key {
  const [, id = '', text = ''] = /^([\w-]{1,16}):([\w+/-]+={0,2})$/.exec(given) ?? [];
  const secret = Buffer.from(text, 'base64');
  const what = `key ${place + 1}`;
  if (id === '') throw refused(`${what} of another form`);
  if (secret.length < SHORTEST_KEY_BYTES) throw refused(`${what}, which has ${secret.length} bytes`);
  if (new Set(secret).size < SHORTEST_KEY_BYTES / 4) throw refused(`${what}, which is not random`);
  return { id, hmac: new Hmac(secret) };
}

function refused(what: string): InvalidOptionError {
  return new InvalidOptionError('integrityKey', what, WANTED);
}
