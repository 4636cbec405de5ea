import { Buffer } from 'node:buffer';
import type { StoredRecord } from '../../../core/ports/remote-tier.ts';

/**
 * The bytes of an entry's record.
 *
 * A lease is `L` and the token of who may fill. A value is a header of fixed width, so that a script can mark it expired
 * in place without copying its body, and then the body as the codec made it:
 *
 * | from | bytes | |
 * | ---: | ---: | --- |
 * | 0 | 1 | `V` |
 * | 1 | 22 | token |
 * | 23 | 15 | stored at, milliseconds of the server's clock |
 * | 38 | 15 | expired at, the same; zeros: it was not |
 * | 53 | 16 | version of a `set`; hyphens: none |
 * | 69 | 1 | newline |
 * | 70 | | body |
 */
export const HEADER = {
  /** Kind and token: what a fill compares. */
  prefixBytes: 23,
  tokenAt: 1,
  storedAt: 23,
  expiredAt: 38,
  timeDigits: 15,
  versionAt: 53,
  versionDigits: 16,
  bytes: 70,
} as const;

/** The version field of a value that has none. */
export const NO_VERSION = '-'.repeat(HEADER.versionDigits);

const LEASE = /^L[\w-]{22}$/;

const TAKEN = /^V([\w-]{22})/;

const VERSION = /^.{53}(?:\d{16}|-{16})\n$/;

const TOKEN = /^[\w-]{22}$/;

/** Begins the token of a record that no Tiercel wrote; the hexadecimal digits of its first bytes follow. */
const FOREIGN = '!';

/**
 * What the bytes under a key say. Never throws: bytes of another form are a value with an empty body, which the codec
 * refuses, and whose token lets a fill replace exactly these bytes.
 */
export function parseRecord(bytes: Buffer | null): StoredRecord {
  if (bytes === null) return { kind: 'none' };
  if (bytes.length === HEADER.prefixBytes) {
    const lease = bytes.toString('latin1');
    if (LEASE.test(lease)) return { kind: 'lease', token: lease.slice(HEADER.tokenAt) };
  }
  const header = bytes.toString('latin1', 0, HEADER.bytes);
  const token = header.slice(HEADER.tokenAt, HEADER.storedAt);
  const storedAt = digitsAt(header, HEADER.storedAt);
  const expiredAt = digitsAt(header, HEADER.expiredAt);
  if (header.startsWith('V') && storedAt >= 0 && expiredAt >= 0 && VERSION.test(header) && TOKEN.test(token))
    return { kind: 'value', value: { token, storedAt, expiredAt, body: bodyOf(bytes) } };
  const damaged = TAKEN.exec(header)?.[1] ?? FOREIGN + bytes.toString('hex', 0, HEADER.prefixBytes);
  return { kind: 'value', value: { token: damaged, storedAt: 0, expiredAt: 0, body: '' } };
}

/** As text, unless it is none: what could not be read stands as U+FFFD then, as it also does where somebody wrote that. */
function bodyOf(bytes: Buffer): string | Buffer {
  const text = bytes.toString('utf8', HEADER.bytes);
  return text.includes('\ufffd') ? bytes.subarray(HEADER.bytes) : text;
}

/** A time of the header; NaN when it is none. This is read with every hit, and a regular expression costs twice as much. */
function digitsAt(header: string, start: number): number {
  let number = 0;
  for (let index = start; index < start + HEADER.timeDigits; index += 1) {
    const digit = header.charCodeAt(index) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

/** The first bytes of the record that a token was read from. */
export function recordPrefix(kind: 'lease' | 'value', token: string): string | Buffer {
  if (token.startsWith(FOREIGN)) return Buffer.from(token.slice(FOREIGN.length), 'hex');
  return kind === 'lease' ? leaseRecord(token) : `V${token}`;
}

/** {@link parseRecord} as the holder of a lease sees it: one's own is as good as none. */
export function recordFor(token: string, bytes: Buffer | null): StoredRecord {
  const record = parseRecord(bytes);
  return record.kind === 'lease' && record.token === token ? { kind: 'none' } : record;
}

/** A lease, as a whole. Refresh claims have the same form. */
export function leaseRecord(token: string): string {
  return `L${token}`;
}

/** The version field of a value. */
export function versionField(version: number | undefined): string {
  return version === undefined ? NO_VERSION : String(version).padStart(HEADER.versionDigits, '0');
}

/** How the scripts take a stay: whole milliseconds, 0 for no expiry. */
export function stay(keepFor: number): number {
  return keepFor === Infinity ? 0 : Math.max(1, Math.ceil(keepFor));
}

/** Without a copy: the client takes strings and Buffers only. */
export function bytesOf(body: string | Uint8Array): string | Buffer {
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
