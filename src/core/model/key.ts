import { InvalidKeyError } from './errors.ts';

/**
 * One logical key inside its namespace, as one string. It is the key itself in the root namespace, and
 * `\u0001<namespace>\u0001<key>` elsewhere. Neither part can hold control characters, so two pairs never have one id.
 * Tags have the same form.
 */
export type EntryId = string;

/** Longest key, tag or namespace, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024;

/** Separates namespace and key in an id. {@link assertKey} keeps it out of both. */
const MARK = '\u0001';

const MARK_UNIT = 1;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Asserts that `given` is a string of 1 to 1,024 UTF-8 bytes, without control characters, in well-formed Unicode.
 * @throws {@link InvalidKeyError} when it is not.
 */
export function assertKey(
  given: unknown,
  what: 'key' | 'tag' | 'namespace' | 'pattern' = 'key',
): asserts given is string {
  if (typeof given !== 'string') throw new InvalidKeyError(what, given, 'is not a string');
  if (given.length === 0) throw new InvalidKeyError(what, given, 'is empty');
  // A UTF-16 unit takes at most three bytes, so short keys need no counting.
  if (given.length * 3 > MAX_KEY_BYTES && utf8Length(given) > MAX_KEY_BYTES) {
    throw new InvalidKeyError(what, given, `is longer than ${MAX_KEY_BYTES} bytes`);
  }
  if (CONTROL.test(given)) throw new InvalidKeyError(what, given, 'holds a control character');
  if (!given.isWellFormed()) throw new InvalidKeyError(what, given, 'is not well-formed Unicode');
}

/**
 * Asserts that this is the id of a key or tag, in any namespace. A namespace's own tag passes too.
 * @throws {@link InvalidKeyError} when it is not.
 */
export function assertId(id: EntryId): void {
  const { namespace, key } = fromId(id);
  for (const name of namespaceNames(namespace)) assertKey(name, 'namespace');
  if (key !== '' || !isNamespaced(id)) assertKey(key);
}

/** Makes the id of a key or tag in a namespace; `''` is the root. Both must have passed {@link assertKey}. */
export function toId(namespace: string, key: string): EntryId {
  return namespace === '' ? key : `${MARK}${namespace}${MARK}${key}`;
}

/** Returns true for an id inside a namespace. No valid key has this form, so such a string from outside is forged. */
export function isNamespaced(id: EntryId): boolean {
  return id.charCodeAt(0) === MARK_UNIT;
}

/** Splits an id into its parts. */
export function fromId(id: EntryId): { namespace: string; key: string } {
  if (!isNamespaced(id)) return { namespace: '', key: id };
  const end = id.indexOf(MARK, 1);
  return { namespace: id.slice(1, end), key: id.slice(end + 1) };
}

/**
 * Returns the tag that every entry of a namespace carries. One generation of it clears the namespace. A user's tag
 * cannot be empty, so it never equals this one.
 */
export function namespaceTag(namespace: string): EntryId {
  return `${MARK}${namespace}${MARK}`;
}

/** The root namespace's tag. Every entry carries it, and its invalidation ends them all. */
export const ROOT_TAG = namespaceTag('');

/** Stands between a namespace and one inside it. */
const NESTED = '\u001f';

/**
 * Makes the path of a namespace inside another. Names hold no control characters, so no two paths are the same string.
 */
export function nestedNamespace(parent: string, name: string): string {
  return parent === '' ? name : `${parent}${NESTED}${name}`;
}

/** Returns the names on the path of a namespace, the outermost first. The root (`''`) has none. */
export function namespaceNames(namespace: string): string[] {
  return namespace === '' ? [] : namespace.split(NESTED);
}

/** Returns a namespace and all that enclose it, the root (`''`) first. */
export function namespaceChain(namespace: string): string[] {
  const names = namespaceNames(namespace);
  return ['', ...names.map((_, index) => names.slice(0, index + 1).join(NESTED))];
}

/** The group of keys that belong to no other. */
export const OTHER_GROUP = 'other';

const LONGEST_GROUP = 40;

/**
 * Names the group that a key is counted under, unless the cache has the option `groupOf`. It is the part before the
 * first `:`. That part begins with a letter and has up to 40 lower-case letters, digits, `_`, `.` and `-`. All other
 * keys are in `other`. A key without a `:` may be a user's text as a whole, such as an e-mail address. It must not
 * appear in a log or a metric.
 */
export function groupOf(key: string): string {
  const end = key.indexOf(':');
  if (end < 1 || end > LONGEST_GROUP || !isLetter(key.charCodeAt(0))) return OTHER_GROUP;
  for (let index = 1; index < end; index += 1) if (!isOfGroup(key.charCodeAt(index))) return OTHER_GROUP;
  return key.slice(0, end);
}

function isLetter(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}

function isOfGroup(unit: number): boolean {
  // A digit, or one of `-`, `.` and `_`.
  return isLetter(unit) || (unit >= 0x30 && unit <= 0x39) || unit === 0x2d || unit === 0x2e || unit === 0x5f;
}

/**
 * Wraps a user's `groupOf` so that its faults do no harm. When it throws, or returns no short text, the key is counted
 * under `other`.
 */
export function guardedGroupOf(given: ((key: string) => string) | undefined): (key: string) => string {
  if (given === undefined) return groupOf;
  return (key) => {
    try {
      const group: unknown = given(key);
      return typeof group === 'string' && group !== '' && group.length <= MAX_KEY_BYTES ? group : OTHER_GROUP;
    } catch {
      return OTHER_GROUP;
    }
  };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
