import { Buffer } from 'node:buffer';
import type { ClaimAnswer, LoadOutcome } from '../../../core/ports/load-outcome.ts';
import type { StoredRecord } from '../../../core/ports/remote-tier.ts';

/** Of the bytes below. It stands in the keys of entries and claims, so another form of the header is another number. */
export const RECORD_FORMAT = 2;

/**
 * The bytes of an entry's record: a header of fixed width, so that a script can mark a value expired in place without
 * copying its body, and then the body as the codec made it.
 *
 * | from | bytes | |
 * | ---: | ---: | --- |
 * | 0 | 1 | `V`, or `L` of a lease |
 * | 1 | 22 | token |
 * | 23 | 16 | version of a `set`; hyphens: none |
 * | 39 | 15 | stored at, milliseconds of the server's clock |
 * | 54 | 15 | expired at, the same; zeros: it was not |
 * | 69 | 4 | flags, hexadecimal; readers ignore those that they do not know |
 * | 73 | 4 | length of the extra block, decimal |
 * | 77 | 1 | newline |
 * | 78 | | extra block, which readers skip; then the body |
 *
 * A lease has a newline after its version. One behind which `failed` or `not-stored` stands is a note of how a load ended.
 * Readers that do not know the word take the note for a lease, and wait until it lapses. What else may follow is ignored.
 */
export const HEADER = {
  /** Kind and token: what a fill compares. */
  prefixBytes: 23,
  tokenAt: 1,
  versionAt: 23,
  versionDigits: 16,
  storedAt: 39,
  expiredAt: 54,
  timeDigits: 15,
  flagsAt: 69,
  lengthAt: 73,
  bytes: 78,
} as const;

/** The end of a header without flags and without an extra block. */
export const PLAIN_END = '00000000\n';

/** The end of a header without flags, and the extra block behind it. */
export function endingWith(extra: string): string {
  return extra === '' ? PLAIN_END : `0000${String(extra.length).padStart(4, '0')}\n${extra}`;
}

/** The version field of a record that has none. */
export const NO_VERSION = '-'.repeat(HEADER.versionDigits);

const LEASE = /^L[\w-]{22}(?:\d{16}|-{16})\n(?:(failed|not-stored)(?![\w-]))?/;

const VALUE = /^V[\w-]{22}(?:\d{16}|-{16})/;

const TAKEN = /^V([\w-]{22})/;

const END = /^[\da-f]{4}(\d{4})\n$/;

/** Begins the token of a record that no Tiercel wrote; the hexadecimal digits of its first bytes follow. */
const FOREIGN = '!';

const ZERO = 0x30;

const NO_HEADER = 'they do not begin with the header of a record';

/**
 * Parses the bytes under a key. Never throws: bytes of another form are a value with an empty body, which the codec
 * refuses, and whose token lets a fill replace exactly these bytes.
 */
export function parseRecord(bytes: Buffer | null): StoredRecord {
  if (bytes === null) return { kind: 'none' };
  const header = bytes.toString('latin1', 0, HEADER.bytes);
  const token = header.slice(HEADER.tokenAt, HEADER.prefixBytes);
  const storedAt = digitsAt(header, HEADER.storedAt);
  const expiredAt = digitsAt(header, HEADER.expiredAt);
  const bodyAt = header.endsWith(PLAIN_END) ? HEADER.bytes : bodyBehindExtra(header);
  if (storedAt >= 0 && expiredAt >= 0 && bodyAt <= bytes.length && VALUE.test(header))
    return { kind: 'value', value: { token, storedAt, expiredAt, body: bodyOf(bytes, bodyAt) } };
  const lease = LEASE.exec(header);
  if (lease !== null)
    return lease[1] === undefined ? { kind: 'lease', token } : { kind: 'outcome', outcome: lease[1] as LoadOutcome };
  const damaged = TAKEN.exec(header)?.[1] ?? FOREIGN + bytes.toString('hex', 0, HEADER.prefixBytes);
  return { kind: 'value', value: { token: damaged, storedAt: 0, expiredAt: 0, body: '', broken: NO_HEADER } };
}

/** Where the body of a value begins, whose header has been found whole: behind the extra block. */
export function bodyStart(bytes: Uint8Array): number {
  let length = 0;
  for (let at: number = HEADER.lengthAt; at < HEADER.bytes - 1; at += 1) length = length * 10 + (bytes[at] ?? 0) - ZERO;
  return HEADER.bytes + length;
}

/** As text, unless it is none: what could not be read stands as U+FFFD then, as it also does where a caller wrote that. */
function bodyOf(bytes: Buffer, bodyAt: number): string | Buffer {
  const text = bytes.toString('utf8', bodyAt);
  return text.includes('\ufffd') ? bytes.subarray(bodyAt) : text;
}

/** Where the body of a record with flags or an extra block begins; NaN when the header is damaged. */
function bodyBehindExtra(header: string): number {
  const length = END.exec(header.slice(HEADER.flagsAt))?.[1];
  return length === undefined ? Number.NaN : HEADER.bytes + Number(length);
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
  return kind === 'lease' ? leasePrefix(token) : `V${token}`;
}

/** {@link parseRecord} as the holder of a lease sees it: one's own is as good as none. */
export function recordFor(token: string, bytes: Buffer | null): StoredRecord {
  const record = parseRecord(bytes);
  return record.kind === 'lease' && record.token === token ? { kind: 'none' } : record;
}

/** A lease, as a whole. Refresh claims have the same form. */
export function leaseRecord(token: string): string {
  return `L${token}${NO_VERSION}\n`;
}

/** Parses the bytes under the key of a refresh claim, which were there before the caller asked for it. */
export function claimAnswerOf(bytes: Buffer | null): ClaimAnswer {
  if (bytes === null) return 'granted';
  return (LEASE.exec(bytes.toString('latin1'))?.[1] as LoadOutcome | undefined) ?? 'taken';
}

/** The first bytes of a lease: what tells it from every other record. */
export function leasePrefix(token: string): string {
  return `L${token}`;
}

/** The version field of a record. */
export function versionField(version: number | undefined): string {
  return version === undefined ? NO_VERSION : String(version).padStart(HEADER.versionDigits, '0');
}

/** Converts a stay for the scripts: whole milliseconds, 0 for no expiry. */
export function stay(keepFor: number): number {
  return keepFor === Infinity ? 0 : Math.max(1, Math.ceil(keepFor));
}

/** Without a copy: the client takes strings and Buffers only. */
export function bytesOf(body: string | Uint8Array): string | Buffer {
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
