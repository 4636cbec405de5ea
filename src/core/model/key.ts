import { InvalidKeyError } from './errors.ts';

/**
 * One logical key inside its namespace, as one string: the key itself in the root namespace, and
 * `\u0001<namespace>\u0001<key>` elsewhere. Neither part can hold control characters, so no two pairs meet.
 * Tags are written in the same form.
 */
export type EntryId = string;

/** Longest key, tag or namespace, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;

/** Separates namespace and key in an id; {@link assertKey} keeps it out of both. */
const MARK = '\u0001';

const MARK_UNIT = 1;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * @throws {@link InvalidKeyError} unless `given` is a string of 1 to 1,024 UTF-8 bytes, without control characters,
 *   in well-formed Unicode.
 */
export function assertKey(
  given: unknown,
  what: 'key' | 'tag' | 'namespace' | 'pattern' = 'key',
): asserts given is string {
  if (typeof given !== 'string') throw new InvalidKeyError(what, given, 'is not a string');
  if (given.length === 0) throw new InvalidKeyError(what, given, 'is empty');
  // A UTF-16 unit takes at most three bytes: short keys need no counting.
  if (given.length * 3 > MAX_KEY_BYTES && utf8Length(given) > MAX_KEY_BYTES) {
    throw new InvalidKeyError(what, given, `is longer than ${MAX_KEY_BYTES} bytes`);
  }
  if (CONTROL.test(given)) throw new InvalidKeyError(what, given, 'holds a control character');
  if (!given.isWellFormed()) throw new InvalidKeyError(what, given, 'is not well-formed Unicode');
}

/**
 * @throws {@link InvalidKeyError} unless this is the id of a key or tag, in whatever namespace; a namespace's own tag is one.
 */
export function assertId(id: EntryId): void {
  const { namespace, key } = fromId(id);
  for (const name of namespace === '' ? [] : namespace.split('\u001f')) assertKey(name, 'namespace');
  if (key !== '' || !isNamespaced(id)) assertKey(key);
}

/** The id of a key or tag in a namespace; `''` is the root. Both must have passed {@link assertKey}. */
export function toId(namespace: string, key: string): EntryId {
  return namespace === '' ? key : `${MARK}${namespace}${MARK}${key}`;
}

/** Whether this is the id of something inside a namespace. No key is, so a string from outside that is one is forged. */
export function isNamespaced(id: EntryId): boolean {
  return id.charCodeAt(0) === MARK_UNIT;
}

/** The parts of an id. */
export function fromId(id: EntryId): { namespace: string; key: string } {
  if (!isNamespaced(id)) return { namespace: '', key: id };
  const end = id.indexOf(MARK, 1);
  return { namespace: id.slice(1, end), key: id.slice(end + 1) };
}

/**
 * The tag that every entry of a namespace carries, so that the namespace can be cleared by one generation.
 * No user's tag can be empty, so none meets it.
 */
export function namespaceTag(namespace: string): EntryId {
  return `${MARK}${namespace}${MARK}`;
}

/** The root namespace's tag: every entry carries it, and its invalidation ends them all. */
export const ROOT_TAG = namespaceTag('');

/** A namespace inside another. Names hold no control characters, so nothing else joins to the same string. */
export function nestedNamespace(parent: string, name: string): string {
  return parent === '' ? name : `${parent}\u001f${name}`;
}

/** A namespace and all that it is inside of, the root (`''`) first. */
export function namespaceChain(namespace: string): string[] {
  if (namespace === '') return [''];
  const names = namespace.split('\u001f');
  return ['', ...names.map((_, index) => names.slice(0, index + 1).join('\u001f'))];
}

/**
 * The low-cardinality part of a key, before its first id: `product:17` → `product`, `products:org:3:l100` → `products:org`.
 * An id is a part that holds a digit or is longer than 32 characters; a key that begins with one belongs to `other`.
 */
export function groupOf(key: string): string {
  let start = 0;
  for (;;) {
    const colon = key.indexOf(':', start);
    const end = colon === -1 ? key.length : colon;
    if (end - start > 32 || hasDigit(key, start, end))
      return start === 0 ? 'other' : key.slice(0, start - 1) || 'other';
    if (colon === -1) return key;
    start = end + 1;
  }
}

function hasDigit(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x30 && unit <= 0x39) return true;
  }
  return false;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
