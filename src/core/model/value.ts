import { CodecError, InvalidValueError } from './errors.ts';

/**
 * Most levels of arrays and objects, the outermost included. A deeper value is treated as a cycle or an attack. JSON
 * parsers have limits of their own.
 */
export const MAX_DEPTH = 200;

/** Longest number in JSON: `-1.7976931348623157e+308` or `-0.0000012345678901234567`. */
const NUMBER_BYTES = 25;

/** Most bytes of a UTF-16 unit in JSON. A control character or half of a pair is written as `\u0000`. */
const UNIT_BYTES = 6;

/**
 * Refuses a value that JSON would lose: `undefined`, `NaN`, a `Map`, bytes, a cycle. It accepts the changes that users
 * expect of JSON:
 *
 * - an object with `toJSON` becomes the value which that returns;
 * - a boxed text or number is unboxed;
 * - a member that is `undefined` is left out.
 * @returns Most bytes that its JSON can take. The bound is several times the real size, and costs nothing to know.
 * @throws {@link InvalidValueError} naming the place.
 */
export function assertStorable(value: unknown, key: string): number {
  try {
    if (value === undefined)
      throw new InvalidValueError('is undefined; return null for "the source has none"', { key });
    return walk(writtenAs(value, '', '', key), '', 0, key);
  } catch (error) {
    if (error instanceof InvalidValueError) throw error;
    // The user's `toJSON` or getter threw.
    throw new InvalidValueError('cannot be written as JSON', { key, cause: error });
  }
}

/**
 * Returns the value that JSON writes instead: the result of `toJSON`. JSON does not call a `toJSON` of that result.
 * @param name Name of the member or element, for `toJSON`.
 */
function writtenAs(value: unknown, name: string, path: string, key: string): unknown {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'number') return value;
  // A `Buffer` has a `toJSON`, but its list of numbers is not read back as a `Buffer`.
  if (ArrayBuffer.isView(value)) refuse(`is of type ${kindOf(value)}`, path, key);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON !== 'function') return value;
  const written: unknown = toJSON.call(value, name);
  if (written === null && kindOf(value) === INSTANT) refuse('is an invalid date', path, key);
  return written;
}

const INSTANT = 'Date';

/**
 * Checks a value and returns the most bytes that its JSON can take.
 * @param value As {@link writtenAs} gives it.
 */
function walk(value: unknown, path: string, depth: number, key: string): number {
  switch (typeof value) {
    case 'string':
      return textBytes(value);
    case 'boolean':
      return 'false'.length;
    case 'number':
      if (!Number.isFinite(value)) refuse(`is ${value}`, path, key);
      return NUMBER_BYTES;
    case 'object':
      return value === null ? 'null'.length : walkObject(value, path, depth, key);
    default:
      return refuse(`is of type ${typeof value}`, path, key);
  }
}

function walkObject(value: object, path: string, depth: number, key: string): number {
  if (depth >= MAX_DEPTH) refuse('is nested too deeply or refers to itself', path, key);
  let bytes = '[]'.length;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const place = `${path}[${index}]`;
      bytes += walk(writtenAs(value[index], String(index), place, key), place, depth + 1, key) + ','.length;
    }
    return bytes;
  }
  // A user's class is written as its members. JSON would write a built-in (a `Map`, a promise not awaited) as `{}`.
  const kind = kindOf(value);
  if (BOXED.has(kind)) return walk(value.valueOf(), path, depth + 1, key);
  if (kind !== 'Object') refuse(`is of type ${kind}`, path, key);
  for (const [name, given] of Object.entries(value)) {
    const place = `${path}.${name}`;
    const member = writtenAs(given, name, place, key);
    if (member !== undefined) bytes += textBytes(name) + walk(member, place, depth + 1, key) + ':,'.length;
  }
  return bytes;
}

const BOXED: ReadonlySet<string> = new Set(['String', 'Number', 'Boolean']);

/** Returns the kind of a built-in: `Map`, `Date`, `Uint8Array`. It is `Object` for a class without a tag of its own. */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function textBytes({ length }: string): number {
  return UNIT_BYTES * length + '""'.length;
}

function refuse(problem: string, path: string, key: string): never {
  const place = path === '' ? '' : ` at ${shown(path.replace(/^\./, ''))}`;
  throw new InvalidValueError(`${problem}${place}, which JSON cannot hold`, { key });
}

/** Longest path in a message. Paths hold names that come from data, which may be long and hold line breaks. */
const LONGEST_PATH = 120;

function shown(path: string): string {
  const printable = JSON.stringify(path).slice(1, -1);
  return printable.length > LONGEST_PATH ? `${printable.slice(0, LONGEST_PATH - 1)}…` : printable;
}

/**
 * Freezes a value that JSON made, at every level. Every caller gets the same object, and none can change it for the
 * next one. A freeze for each value is cheaper than a copy for each read.
 * @throws {@link CodecError} when it is not {@link assertReadable}.
 */
export function deepFreeze<V>(value: V, depth = 0): V {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'number') assertFinite(value);
    return value;
  }
  if (depth >= MAX_DEPTH) throw tooDeep();
  if (Array.isArray(value)) for (let index = 0; index < value.length; index += 1) deepFreeze(value[index], depth + 1);
  // The loop makes no list of the members: even without one, the freeze costs as much as the parsing.
  else for (const name in value) deepFreeze(value[name], depth + 1);
  return Object.freeze(value);
}

/**
 * Refuses a value that JSON made and {@link assertStorable} would have refused. Another program has written it.
 * @throws {@link CodecError} when it is nested too deeply, or holds a number that no double is, such as `1e999`.
 */
export function assertReadable(value: unknown, depth = 0): void {
  if (typeof value === 'number') assertFinite(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth >= MAX_DEPTH) throw tooDeep();
  if (Array.isArray(value))
    for (let index = 0; index < value.length; index += 1) assertReadable(value[index], depth + 1);
  else for (const name in value) assertReadable((value as Record<string, unknown>)[name], depth + 1);
}

function assertFinite(value: number): void {
  if (value === Infinity || value === -Infinity) throw new CodecError('their value holds a number that is not finite');
}

function tooDeep(): CodecError {
  return new CodecError(`their value is nested more than ${MAX_DEPTH} levels deep`);
}

/** Built-in kinds that `structuredClone` copies unchanged. */
const CLONED: ReadonlySet<string> = new Set([INSTANT, 'RegExp', 'Map', 'Set', 'Array', 'Object']);

/**
 * Returns true when `structuredClone` gives back an equal value. The value then holds no object of a user's class,
 * which would become a plain object, and no function, which would be refused.
 */
export function isCloneable(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null || seen.has(value)) return true;
  seen.add(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isBuiltIn =
    prototype === Object.prototype ||
    (prototype !== null && kindOf(value) !== 'Object' && Object.getPrototypeOf(prototype) === Object.prototype);
  if (!isBuiltIn || !CLONED.has(kindOf(value)) || Object.getOwnPropertySymbols(value).length > 0) return false;
  const members: unknown[] = Object.values(value);
  if (value instanceof Map) members.push(...value.keys(), ...value.values());
  if (value instanceof Set) members.push(...value);
  return members.every((member) => isCloneable(member, seen));
}
