import { InvalidValueError } from './errors.ts';

/** Deeper than this is taken for a cycle or an attack; JSON parsers have limits of their own. */
const MAX_DEPTH = 200;

/** `-1.7976931348623157e+308`, `-0.0000012345678901234567`: none is longer. */
const NUMBER_BYTES = 25;

/** A control character or half of a pair is written as `\u0000`; nothing takes more per unit. */
const UNIT_BYTES = 6;

/**
 * Refuses what JSON would silently change: a value must come back from L2 as it was given. A property that is
 * `undefined` is left out and an object with `toJSON` (a `Date`) is what that returns; both are what users of JSON expect.
 * @returns how many bytes its JSON takes at most: several times what it does take, and known for nothing.
 * @throws {@link InvalidValueError} naming the place.
 */
export function assertStorable(value: unknown, key: string): number {
  if (value === undefined) {
    throw new InvalidValueError('is undefined; return null for "the source has none"', { key });
  }
  return walk(value, '', 0, key);
}

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
  if (depth > MAX_DEPTH) refuse('is nested too deeply or refers to itself', path, key);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return walk(toJSON.call(value), path, depth + 1, key);
  let bytes = '[]'.length;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      bytes += walk(value[index], `${path}[${index}]`, depth + 1, key) + ','.length;
    return bytes;
  }
  // A class's instance is its members. A built-in (a `Map`, a promise that nobody awaited) would be written as `{}`.
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (kind !== 'Object') refuse(`is of type ${kind}`, path, key);
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) bytes += textBytes(name) + walk(member, `${path}.${name}`, depth + 1, key) + ':,'.length;
  }
  return bytes;
}

function textBytes({ length }: string): number {
  return UNIT_BYTES * length + '""'.length;
}

function refuse(problem: string, path: string, key: string): never {
  const place = path === '' ? '' : ` at ${path.replace(/^\./, '')}`;
  throw new InvalidValueError(`${problem}${place}, which JSON cannot hold`, { key });
}

/**
 * Freezes a value that JSON made, all the way down: every caller gets the same object, and none can change what the
 * next one gets. Cheaper than a copy per read, and once per value instead of once per call.
 */
export function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) for (let index = 0; index < value.length; index += 1) deepFreeze(value[index]);
  // Without a list of its members: freezing costs as much as parsing even so.
  else for (const name in value) deepFreeze(value[name]);
  return Object.freeze(value);
}
