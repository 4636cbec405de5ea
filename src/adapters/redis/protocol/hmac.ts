import { Buffer } from 'node:buffer';
import * as crypto from 'node:crypto';

/** Of SHA-256. */
const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Longer texts are put together in a buffer of their own. */
const SCRATCH_BYTES = 16 * 1_024;

/** UTF-8 takes at most three bytes for each unit of a string. */
const MOST_UNIT_BYTES = 3;

/**
 * HMAC-SHA-256 with one key. Two hashes in one call each take a third of the time of `createHmac` on Node, and as long on Bun;
 * a runtime without such a call has `createHmac`.
 */
export class Hmac {
  readonly #secret: Uint8Array;
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
    this.#inner = padded(secret, INNER_PAD, SCRATCH_BYTES);
    this.#outer = padded(secret, OUTER_PAD, BLOCK_BYTES + DIGEST_BYTES);
  }

  /** In hexadecimal, of a text and what follows it. */
  hex(text: string, rest: string | Uint8Array): string {
    if (typeof crypto.hash !== 'function')
      return crypto.createHmac('sha256', this.#secret).update(text).update(rest).digest('hex');
    return this.#hashed(this.#message(text, rest));
  }

  /** {@link hex} of a text and the bytes from `from` on. */
  hexOfBytes(text: string, bytes: Buffer, from: number): string {
    const fits = BLOCK_BYTES + MOST_UNIT_BYTES * text.length + bytes.length <= SCRATCH_BYTES;
    if (!fits || typeof crypto.hash !== 'function') return this.hex(text, bytes.subarray(from));
    const start = BLOCK_BYTES + this.#inner.write(text, BLOCK_BYTES);
    return this.#hashed(this.#inner.subarray(0, start + bytes.copy(this.#inner, start, from)));
  }

  #hashed(message: Buffer): string {
    const digest = crypto.hash('sha256', message, 'binary');
    this.#outer.write(digest, BLOCK_BYTES, 'latin1');
    return crypto.hash('sha256', this.#outer, 'hex');
  }

  #message(text: string, rest: string | Uint8Array): Buffer {
    const most = MOST_UNIT_BYTES * text.length + (typeof rest === 'string' ? MOST_UNIT_BYTES : 1) * rest.length;
    let buffer = this.#inner;
    if (BLOCK_BYTES + most > SCRATCH_BYTES) {
      buffer = Buffer.allocUnsafe(BLOCK_BYTES + most);
      this.#inner.copy(buffer, 0, 0, BLOCK_BYTES);
    }
    let end = BLOCK_BYTES + buffer.write(text, BLOCK_BYTES);
    if (typeof rest === 'string') end += buffer.write(rest, end);
    else {
      buffer.set(rest, end);
      end += rest.length;
    }
    return buffer.subarray(0, end);
  }
}

/** The key as HMAC puts it before what it signs; one that is longer than a block is hashed first. */
function padded(secret: Uint8Array, pad: number, bytes: number): Buffer {
  const key = secret.length > BLOCK_BYTES ? crypto.createHash('sha256').update(secret).digest() : secret;
  const buffer = Buffer.alloc(bytes);
  buffer.set(key);
  for (let at = 0; at < BLOCK_BYTES; at += 1) buffer[at] = (buffer[at] ?? 0) ^ pad;
  return buffer;
}
